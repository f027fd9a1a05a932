"""The results that are kept, as a table and a figure: `table.md`, `table.csv`, `throughput.svg` and `.png` in `--out`.

Every number comes from a JSON object that a benchmark wrote with `--out`; nothing is measured here.
"""

import argparse
import csv
import json
import pathlib
from collections.abc import Iterator
from typing import Any

from common import ROOT, told

from odelt import files
from odelt.errors import OdeltError
from odelt.publishing import text

RESULTS = ROOT / "benchmarks" / "results"
COLUMNS = (
    *("result", "what", "figure", "unit", "q1", "q3", "utilisation", "share_waited", "verdict"),
    *("device", "load", "date", "commit", "dirty", "note", "command"),
)
SIZES = ("width", "depth", "batch", "image", "dtype", "length", "solver", "guidance", "objective", "dropout", "devices")


def read(folder: pathlib.Path) -> dict[str, dict]:
    """The results in a folder, by name.

    Raises:
        OdeltError: it holds none, or a JSON file that is none.
    """
    found = {}
    for path in sorted(folder.glob("*.json")):
        try:
            found[path.stem] = json.loads(path.read_text(encoding="utf-8"))
            found[path.stem]["machine"]["command"]
        except (OSError, ValueError, LookupError, TypeError):
            raise OdeltError(f"{path} is no benchmark's result: measure it again, or remove it") from None
    if not found:
        raise OdeltError(f"{folder} holds no results (*.json): measure some with --out, or name their folder")
    return found


def rows(results: dict[str, dict]) -> list[dict[str, Any]]:
    """A row per figure, all COLUMNS; where a result has no such thing the cell is empty."""
    return [
        {**dict.fromkeys(COLUMNS, ""), "result": name, **_machine(result), **row}
        for name, result in results.items()
        for row in _figures(result)
    ]


def _figures(result: dict) -> Iterator[dict[str, Any]]:
    if "targets" in result:
        for row in result["targets"]:
            script = " and ".join(f"python benchmarks/{result['parts'][name]['script']}" for name in row["parts"])
            spread = _spread(row.get("quartiles") or {})
            yield {
                "what": row["target"],
                "figure": "" if row["figure"] is None else row["figure"],
                "unit": f"≥ {row['at_least']:g}",
                "verdict": row["verdict"],
                "command": script,
                **spread,
            }
        for name, part in result["parts"].items():
            if "failed" not in part:
                for row in _figures(part):
                    yield {**row, "what": f"{name}: {row['what']}", "command": f"python benchmarks/{part['script']}"}
    elif "parts" in result:
        for name, part in result["parts"].items():
            yield from ({**row, "what": f"{name}, {row['what']}"} for row in _figures(part))
    elif "points" in result:
        for point in result["points"]:
            what = f"{point['solver']}, guidance {point['guidance']:g}, batch {result['batch_size']}"
            yield {"what": what, "figure": point["seconds"]["median"], "unit": "s", **_spread(point["seconds"])}
    elif "ratio" in result:
        yield {
            "what": "ratio to the baseline",
            "figure": result["ratio"]["median"],
            "unit": "×",
            **_spread(result["ratio"]),
        }
        if same := result.get("same_settings"):
            what = "ratio to the baseline whose process is set as the package's"
            yield {"what": what, "figure": same["ratio"]["median"], "unit": "×", **_spread(same["ratio"])}
        for side in ("package", "baseline"):
            if "images_per_s" in result:
                rate = result["images_per_s"][side]
                share = result[side]["utilisation"]
                yield {"what": f"{side}, {_sizes(result)}", "figure": rate, "unit": "images/s", "utilisation": share}
            else:
                took = min(result[side]["compile_s"])
                yield {"what": f"{side}, compiling, {_sizes(result)}", "figure": took, "unit": "s"}
                memory = result[side]["peak_bytes"] / 1e9
                yield {"what": f"{side}, memory of the step", "figure": memory, "unit": "GB"}
    elif "ratios" in result:
        width = result["configuration"]["width"]
        for row in result["ratios"]:
            what = f"ratio of sampling: width {width}, l = {row['length']}, {row['solver']}, batch {row['batch']}"
            yield {"what": what, "figure": row["ratio"]["median"], "unit": "×", **_spread(row["ratio"])}
    elif "bytes_ratio" in result:
        for row in result["table"]:
            what = f"weights at length {row['length']} ({row['effective_blocks']} blocks)"
            yield {"what": what, "figure": row["bytes"], "unit": "bytes"}
    elif "table" in result:
        for row in result["table"]:
            what = f"{row['work']}, batch {row['batch']}, {row['devices']} device{'s' * (row['devices'] > 1)}"
            yield {"what": what, "figure": row["images_per_s"], "unit": "images/s", "utilisation": row["utilisation"]}
    elif "images_per_s" in result:
        waited = result.get("with_loader", {}).get("share_of_time_waited", "")
        rate, share = result["images_per_s"], result["utilisation"]
        figures = {"figure": rate, "unit": "images/s", "utilisation": share, "share_waited": waited}
        yield {"what": _sizes(result), **figures}
    elif "rows_per_s" in result:
        rate, share = result["rows_per_s"], result["utilisation"]
        yield {"what": "loader, moments", "figure": rate, "unit": "rows/s", "utilisation": share}
    else:
        yield from _rates(result, "")


def _rates(result: dict, within: str) -> Iterator[dict[str, Any]]:
    """Of parts that have a rate, and of their own parts."""
    for name, part in result.items():
        if isinstance(part, dict) and "images_per_s" in part:
            what = within + name.replace("_", " ")
            rate, share = part["images_per_s"], part.get("utilisation", "")
            yield {"what": what, "figure": rate, "unit": "images/s", "utilisation": share}
            yield from _rates(part.get("parts", {}), f"{what}: ")


def _machine(result: dict) -> dict[str, Any]:
    told_of = {key: result["machine"][key] for key in ("load", "date", "commit", "dirty", "command")}
    return {**told_of, "device": result["device"], "note": result.get("note", "")}


def _spread(quartiles: dict) -> dict[str, float]:
    if quartiles.get("q1") == quartiles.get("q3"):  # of a single round
        return {}
    return {key: quartiles[key] for key in ("q1", "q3")}


def _sizes(result: dict) -> str:
    chosen = result["configuration"]
    return ", ".join(f"{key} {chosen[key]}" for key in SIZES if key in chosen)


def markdown(table: list[dict[str, Any]]) -> str:
    """A section per result: where and how it was measured, then its figures."""
    parts = ["# Speed, as measured", "Made by `python benchmarks/table.py` of the JSON files beside it."]
    for name in dict.fromkeys(row["result"] for row in table):
        of_it = [row for row in table if row["result"] == name]
        first = of_it[0]
        code = f"{first['commit'][:12] if first['commit'] else 'no commit'}{', changed' if first['dirty'] else ''}"
        busy = "load unknown" if first["load"] is None else f"load {first['load']:.1f} when it began"
        told = [first["device"], busy, first["date"] or "date unknown", f"code {code}"]
        parts += [f"## {name}", "; ".join([*told, *([first["note"]] if first["note"] else [])])]
        parts += [text.markdown([_for_people(row) for row in of_it])]
    return "\n\n".join(parts) + "\n"


def _for_people(row: dict[str, Any]) -> dict[str, str]:
    spread = f" ({row['q1']:.3g}–{row['q3']:.3g})" if row["q1"] != "" else ""
    figure = "" if row["figure"] == "" else f"{row['figure']:,.4g}{spread}"
    return {
        "what": row["what"],
        "figure": figure,
        "": row["unit"],
        "utilisation": "" if row["utilisation"] == "" else f"{row['utilisation']:.0%}",
        "waited for input": "" if row["share_waited"] == "" else f"{row['share_waited']:.1%}",
        "verdict": row["verdict"],
        "command": row["command"],
    }


def figure(results: dict[str, dict], out: pathlib.Path) -> None:
    """Images/s against the batch's size, from every result of scaling.py: a curve per work and number of devices."""
    import matplotlib
    from matplotlib.figure import Figure

    from odelt.publishing.figures import COLOURS, MARKERS, STYLE

    tables = {name: result for name, result in results.items() if "table" in result and "bytes_ratio" not in result}
    with matplotlib.rc_context(STYLE):
        drawn = Figure(figsize=(8, 3.5), layout="constrained")
        for axes, work in zip(drawn.subplots(1, 2), ("training", "sampling"), strict=True):
            curves = sorted({(name, row["devices"]) for name, result in tables.items() for row in result["table"]})
            for k, (name, devices) in enumerate(curves):
                points = [r for r in tables[name]["table"] if (r["work"], r["devices"]) == (work, devices)]
                colour, marker = list(COLOURS.values())[k % len(COLOURS)], MARKERS[k % len(MARKERS)]
                x, y = ([row[key] for row in points] for key in ("batch", "images_per_s"))
                axes.plot(x, y, color=colour, marker=marker, label=f"{name}, {devices} device{'s' * (devices > 1)}")
            axes.set(title=work.capitalize(), xlabel="Batch size", ylabel="Images/s", xscale="log", ylim=(0, None))
            if curves:
                axes.legend(fontsize=7)
                sizes = sorted({row["batch"] for result in tables.values() for row in result["table"]})
                axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
                axes.minorticks_off()
            else:
                axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center")
        for suffix, options in ((".svg", {"metadata": {"Date": None}}), (".png", {"dpi": 150})):
            with files.writing(out / f"throughput{suffix}") as draft:
                drawn.savefig(draft, **options)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS, metavar="DIR", help="where the JSON files are")
    parser.add_argument(
        "--out", type=pathlib.Path, metavar="DIR", help="where table and figure go; by default beside them"
    )
    arguments = parser.parse_args()
    out = arguments.out or arguments.results
    results = read(arguments.results)
    table = rows(results)
    files.write_text(out / "table.md", markdown(table))
    with files.writing(out / "table.csv") as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    figure(results, out)


if __name__ == "__main__":
    told(main)

"""How numbers and tables are written: Markdown for people, CSV in full precision, and the files of each number.

Outside text shows as text and no more.
"""

import csv
import dataclasses
import json
import pathlib
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from odelt import files
from odelt.layout.paths import LINKS
from odelt.quoting import printable
from odelt.results.columns import LATENCY, Column
from odelt.results.row import SPREAD, Row, Timing
from odelt.results.rows import distinct

# What a reader of Markdown takes for markup within a line. An underscore between letters, as in ODE_t, is none.
MARKUP = re.compile(r"[\\`*\[\]<&|~$]|(?<![^\W_])_|_(?![^\W_])")
BLOCK = re.compile(r"^\d+(?=[.)](?: |$))|^(?=[#>]|---|[-+](?: |$))")  # at its beginning: a list, a heading, a quotation
FORMULA = ("=", "+", "-", "@")  # what a spreadsheet takes for one at the beginning of a cell


@dataclasses.dataclass(frozen=True)
class Number:
    """A number in a table, and the files that it was read from, below the suite's folder."""

    text: str
    files: Sequence[str]
    exact: float | None
    published: Mapping[str, Any] | None = None  # the CSV's columns of the published number that it is compared with

    def __str__(self) -> str:
        return self.text


DISTURBED = ", disturbed"
Line = Mapping[str, str | Number]  # of a table for people, by heading


def exact(cell: str | Number) -> str | float | None:
    """A cell in full precision."""
    return cell.exact if isinstance(cell, Number) else cell


def timed(timing: Timing, column: Column, files: Sequence[str]) -> Number:
    """What was measured of a batch; a latency with its quartiles."""
    value = getattr(timing, column.name)
    if column != LATENCY:
        return Number(column.shown(value), files, value)
    quartiles = f"{column.shown(timing.latency_q1_s)}–{column.shown(timing.latency_q3_s)}"
    return Number(f"{column.shown(value)} ({quartiles}{DISTURBED if timing.disturbed else ''})", files, value)


def timing_caption(timings: Sequence[Timing]) -> str:
    """Says how many images latencies are for, on which devices, and what else these did."""
    if not timings:
        return "not timed yet"
    images, devices = distinct(timing.batch_size for timing in timings), distinct(timing.device for timing in timings)
    loads = distinct(f"{timing.load:.1f}" for timing in timings if timing.load is not None)
    return f"of a batch of {images} images on {plain(devices)}" + (f" (load before: {loads})" if loads else "")


def disturbed_caption(timings: Iterable[Timing]) -> str:
    """Says what “disturbed” means if a table says so."""
    if not any(timing.disturbed for timing in timings):
        return ""
    return f"“Disturbed”: the quartiles are more than {SPREAD:.0%} of the median apart."


def title(what: str, rows: Sequence[Row]) -> str:
    return f"# {what}: {', '.join(dict.fromkeys(row.cell.experiment for row in rows))}"


def plain(text: str) -> str:
    """Outside text (a label, a title, a note) for a paragraph of Markdown: on one line, and markup shows as it is."""
    return BLOCK.sub(r"\g<0>\\", _escaped(text))


def in_csv(value: object) -> object:
    """A cell of a CSV file. Text is on one line, and has an apostrophe before what a spreadsheet would calculate."""
    if not isinstance(value, str):
        return value
    text = _on_one_line(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def in_figure(text: str) -> str:
    """Outside text for matplotlib, which would set what stands between two dollar signs as a formula."""
    return _on_one_line(text).replace("$", r"\$")


def _on_one_line(text: str) -> str:
    """The whole text with its white space folded and control characters visible."""
    return printable(" ".join(text.split()), longest=sys.maxsize)


def _escaped(text: str) -> str:
    return MARKUP.sub(r"\\\g<0>", _on_one_line(text))


def write(out: pathlib.Path, columns: Sequence[str], in_full: Iterable[dict], *parts: str | Sequence[Line]) -> None:
    """Writes a table: `<out>.csv` in full precision, `<out>.md` for people, and the files that its numbers come from.

    `parts` are paragraphs and tables of the Markdown. `<out>.links.json` has a link for each Number: its table, line
    and column in the Markdown, counted from 0, its text there, its files, the number in full precision, and the index
    of the published number that it is compared with.
    """
    write_csv(out, columns, in_full)
    write_markdown(out, *(part if isinstance(part, str) else markdown(part) for part in parts))
    links, published = [], []
    for k, table in enumerate(part for part in parts if part and not isinstance(part, str)):
        for line, cells in enumerate(table):
            for column, cell in enumerate(cells.values()):
                if isinstance(cell, Number):
                    if cell.published is not None and cell.published not in published:
                        published.append(cell.published)
                    links.append(
                        {
                            **{"table": k, "line": line, "column": column, "text": cell.text},
                            **{"files": list(dict.fromkeys(cell.files)), "exact": cell.exact},
                            "published": None if cell.published is None else published.index(cell.published),
                        }
                    )
    content = {"published": published, "links": links}
    files.write_text(suffixed(out, f".{LINKS}"), json.dumps(content, ensure_ascii=False) + "\n")


def markdown(table: Sequence[Line]) -> str:
    """A table whose header is the keys of its first line; cells are text, without markup."""
    if not table:
        return "The grid has no such point."
    header, *body = (
        " | ".join(_escaped(str(cell)) for cell in line) for line in (table[0], *(line.values() for line in table))
    )
    return "\n".join(f"| {line} |" for line in (header, " | ".join(["---"] * len(table[0])), *body))


def write_markdown(out: pathlib.Path, *parts: str) -> None:
    """Writes `<out>.md`: the parts, with an empty line between them."""
    files.write_text(suffixed(out, ".md"), "\n\n".join(part for part in parts if part) + "\n")


def write_csv(out: pathlib.Path, columns: Sequence[str], table: Iterable[dict]) -> None:
    """Writes `<out>.csv`, each cell as `in_csv` has it."""
    with files.writing(suffixed(out, ".csv")) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({column: in_csv(value) for column, value in row.items()} for row in table)


def suffixed(out: pathlib.Path, suffix: str) -> pathlib.Path:
    """Adds a suffix to a path. It replaces none, because a name may contain a full stop."""
    return out.with_name(out.name + suffix)

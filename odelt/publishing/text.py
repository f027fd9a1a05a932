"""How numbers and tables are written: Markdown for people, CSV in full precision."""

import csv
import pathlib
from collections.abc import Iterable, Sequence

from odelt import files
from odelt.publishing.verdicts import NOT_RUN

MIB = 2**20


def shown(value: float | str, form: str, unit: float = 1) -> str:
    """The number in this format and unit; a text (NOT_RUN, say) as it is."""
    return value if isinstance(value, str) else form.format(value / unit)


def milliseconds(seconds: float) -> str:
    """Hundredths of a millisecond below 100 ms, whole milliseconds from there on."""
    return f"{1000 * seconds:.2f}" if seconds < 0.1 else f"{1000 * seconds:.0f}"


def latency(row: dict) -> str:
    """Median and quartiles, in ms."""
    if row["latency_s"] == NOT_RUN:
        return NOT_RUN
    median, q1, q3 = (milliseconds(row[column]) for column in ("latency_s", "latency_q1_s", "latency_q3_s"))
    return f"{median} ({q1}–{q3})"


def length(row: dict) -> str:
    """The nominal length and, in brackets, the blocks that act."""
    return f"{row['length']} ({row['effective_blocks']})"


def timing(rows: Sequence[dict]) -> str:
    """Of what and where latencies are, for captions."""
    devices = told(row.device for row in rows)
    if devices == NOT_RUN:
        return "not timed yet"
    return f"of a batch of {told(row.batch_size for row in rows)} images on {devices}"


def told(values: Iterable) -> str:
    """The different values, in order, None left out: "1797", "64 and 256"."""
    known = dict.fromkeys(str(value) for value in values if value is not None)
    return " and ".join(known) or NOT_RUN


def title(what: str, rows: Sequence[dict]) -> str:
    return f"# {what}: {', '.join(dict.fromkeys(row['experiment'] for row in rows))}"


def markdown(table: Sequence[dict[str, str]]) -> str:
    """A table whose header is the keys of its first row."""
    if not table:
        return "The grid has no such point."
    lines = [list(table[0]), ["---"] * len(table[0]), *(row.values() for row in table)]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def write_markdown(out: pathlib.Path, *parts: str) -> None:
    """Writes `<out>.md`: the parts, with an empty line between them."""
    files.write_text(beside(out, ".md"), "\n\n".join(part for part in parts if part) + "\n")


def write_csv(out: pathlib.Path, columns: Sequence[str], table: Iterable[dict]) -> None:
    """Writes `<out>.csv`."""
    with files.writing(beside(out, ".csv")) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)


def beside(out: pathlib.Path, suffix: str) -> pathlib.Path:
    """`out` with a suffix added, not exchanged: a name may hold a full stop."""
    return out.with_name(out.name + suffix)

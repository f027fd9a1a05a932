"""How numbers and tables are written: Markdown for people, CSV in full precision; outside text as text and no more."""

import csv
import pathlib
import re
import sys
from collections.abc import Iterable, Sequence

from odelt import files
from odelt.quoting import printable
from odelt.results.rows import Row, distinct
from odelt.results.verdicts import NOT_RUN

MIB = 2**20
# What a reader of Markdown takes for markup within a line. An underscore between letters, as in ODE_t, is none.
MARKUP = re.compile(r"[\\`*\[\]<&|~$]|(?<![^\W_])_|_(?![^\W_])")
BLOCK = re.compile(r"^\d+(?=[.)](?: |$))|^(?=[#>]|---|[-+](?: |$))")  # at its beginning: a list, a heading, a quotation
FORMULA = ("=", "+", "-", "@")  # what a spreadsheet takes for one at the beginning of a cell


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


def timing(rows: Sequence[Row]) -> str:
    """Says for captions how many images latencies are for, and on which devices."""
    devices = distinct(row.device for row in rows)
    if devices == NOT_RUN:
        return "not timed yet"
    return f"of a batch of {distinct(row.batch_size for row in rows)} images on {plain(devices)}"


def title(what: str, rows: Sequence[dict]) -> str:
    return f"# {what}: {', '.join(dict.fromkeys(row['experiment'] for row in rows))}"


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


def markdown(table: Sequence[dict[str, str]]) -> str:
    """A table whose header is the keys of its first row; cells are text, without markup."""
    if not table:
        return "The grid has no such point."
    header, *body = (" | ".join(map(_escaped, line)) for line in (table[0], *(row.values() for row in table)))
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

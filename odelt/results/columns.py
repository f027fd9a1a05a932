"""What is measured, as columns of the tables: the one list that rows, means over seeds, tables and captions follow."""

import dataclasses
from collections.abc import Callable
from typing import Literal

MIB = 2**20


def milliseconds(seconds: float) -> str:
    """Hundredths of a millisecond below 100 ms, whole milliseconds from there on."""
    return f"{1000 * seconds:.2f}" if seconds < 0.1 else f"{1000 * seconds:.0f}"


def operations(count: float) -> str:
    """Three digits and a prefix: 11.8 T."""
    prefix, size = next(((p, s) for p, s in (("P", 1e15), ("T", 1e12), ("G", 1e9)) if count >= s), ("M", 1e6))
    return f"{count / size:.3g} {prefix}"


@dataclasses.dataclass(frozen=True)
class Column:
    """A measured column.

    `file` has its numbers: each seed has a score, and tables have the mean over seeds; seeds share latency and floor.
    `required`: every score holds it; "small": every score of small images does. A table has another column if one of
    its scores holds it. `unit` serves a `form` that is text; a function gets the number as it is.
    """

    name: str  # in the files and in the CSV
    heading: str = ""  # in the Markdown, which leaves out columns without one
    form: str | Callable[[float], str] = "{:.2f}"  # in the Markdown
    caption: str = ""
    unit: float = 1  # what the number is divided by for `form`
    file: Literal["score", "floor", "latency"] = "score"
    required: bool | Literal["small"] = False
    headline: bool = False  # whether the main table shows it
    statistics: str = ""  # the label of the reference statistics, of an FID
    is_distance: bool = False  # whether it is a Fréchet distance, whose standard error scores hold

    def shown(self, value: float) -> str:
        return self.form(value) if callable(self.form) else self.form.format(value / self.unit)


FRECHET = Column("frechet_distance", "Fréchet distance", required=True, headline=True, is_distance=True)
AGREEMENT = Column(
    "agreement",
    "agreement",
    "{:.1%}",
    "Agreement: share of the samples that an independent classifier gives the label that was asked for.",
    required="small",
    headline=True,
)
LATENCY = Column("latency_s", "latency, ms", milliseconds, file="latency")  # seconds per batch
FLOPS = Column(
    "flops",
    "FLOPs",
    operations,
    "FLOPs: floating-point operations of that batch, two for each multiplication.",
    file="latency",
)
MEMORY = Column(
    "peak_bytes",
    "memory, MiB",
    "{:.1f}",
    "Memory: the peak of that program, weights included.",
    unit=MIB,
    file="latency",
)
WEIGHT_MEMORY = Column("weight_bytes", "weights, MiB", "{:.1f}", unit=MIB, file="latency")  # of the latency study
COLUMNS = (
    Column("evaluations", "evaluations", "{:.4g}", "Evaluations: of the vector field, mean per sample.", required=True),
    FRECHET,
    Column("floor", file="floor", required="small"),
    AGREEMENT,
    Column(
        *("fid_clean", "FID (clean)", "{:.2f}", "FID (clean): clean-fid's mode `clean`, on 8-bit images."),
        is_distance=True,
    ),
    Column(
        "inception_score", "Inception Score", "{:.1f}", "Inception Score: of the class probabilities, higher is better."
    ),
    Column("kid", "KID × 1000", "{:.2f}", "KID: kernel distance of the same features.", unit=1e-3),
    Column("precision", "precision", "{:.3f}", "Precision: share of the samples that lie among the real images."),
    Column("recall", "recall", "{:.3f}", "Recall: share of the real images that lie among the samples."),
    Column("largest_evaluations"),
    LATENCY,
    Column("latency_min_s", file="latency"),
    Column("latency_q1_s", file="latency"),
    Column("latency_q3_s", file="latency"),
    FLOPS,
    MEMORY,
)


def of_statistics(label: str) -> Column:
    """The column of the FID to these reference statistics; empty: to the experiment's first ones."""
    return (
        dataclasses.replace(FRECHET, name=f"fid_{label}", heading=f"FID ({label})", statistics=label, required=False)
        if label
        else FRECHET
    )

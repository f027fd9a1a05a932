"""What is measured of a sample set: the one list that tables, means over seeds and captions follow."""

from typing import NamedTuple


class Metric(NamedTuple):
    """How a measured column is shown: its heading and format for people, and what a caption says of it."""

    heading: str
    form: str
    caption: str
    unit: float = 1  # what the number is divided by for people


# A score file may hold any of them, by these names. A table has the columns that one of its scores has.
METRICS = {
    "agreement": Metric(
        "agreement",
        "{:.1%}",
        "Agreement: share of the samples that an independent classifier gives the label that was asked for.",
    ),
    "fid_clean": Metric("FID (clean)", "{:.2f}", "FID (clean): clean-fid's mode `clean`, on 8-bit images."),
    "inception_score": Metric(
        "Inception Score", "{:.1f}", "Inception Score: of the class probabilities, higher is better."
    ),
    "kid": Metric("KID × 1000", "{:.2f}", "KID: kernel distance of the same features.", unit=1e-3),
    "precision": Metric("precision", "{:.3f}", "Precision: share of the samples that lie among the real images."),
    "recall": Metric("recall", "{:.3f}", "Recall: share of the real images that lie among the samples."),
}
SCORE_COLUMNS = ("evaluations", "frechet_distance")  # that every score has


def is_distance(column: str) -> bool:
    """Whether the column holds Fréchet distances: the first one, or that of named reference statistics."""
    return column == "frechet_distance" or column.startswith("fid_")


def is_measured(column: str) -> bool:
    """Whether the column comes from a score, so that the seeds of a model have different values in it."""
    return column in SCORE_COLUMNS or column in METRICS or is_distance(column)

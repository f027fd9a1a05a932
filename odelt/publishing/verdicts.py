"""When a published number counts as reproduced: one rule, stated once, and the words for its outcomes."""

from collections.abc import Iterable, Mapping

NOT_RUN = "not run"
NOTHING_PUBLISHED = "nothing published"
REPRODUCED = "reproduced"
BETTER = "differs (better)"
WORSE = "differs (worse)"

# The three-run means, minima and maxima in reference.yaml give a standard deviation between trainings of 1.2 % of the
# FID (pooled over nine cells; 1.9 % in the widest). Two single runs of the same recipe then differ by less than
# 2·√2·1.2 % = 3.4 % in 95 of 100 cases (5.4 % in the widest cell). The spread holds the noise of drawing the samples,
# but not the difference between two codecs and Inception programs, nor the README's rounding to a tenth (up to 1.3 %
# of its smallest number, 3.8). 5 % admits these and is well below the differences between neighbouring lengths and T.
TOLERANCE = 0.05
DEVIATIONS = 2  # standard deviations over our own seeds, where a model has several


def verdict(ours: float | None, published: float | None, spread: float | None = None) -> str:
    """The outcome in words for an FID (None: not run), the published one (None: nothing) and the std over seeds.

    Reproduced if |ours − published| ≤ max(TOLERANCE · published, DEVIATIONS · spread); a smaller FID is better.
    """
    if published is None:
        return NOTHING_PUBLISHED
    if ours is None:
        return NOT_RUN
    if abs(ours - published) <= max(TOLERANCE * published, DEVIATIONS * (spread or 0)):
        return REPRODUCED
    return BETTER if ours < published else WORSE


def rule() -> str:
    """The rule in words, for captions."""
    return (
        f"“{REPRODUCED}” is said where the measured number lies within {TOLERANCE:.0%} of the published one, or within "
        f"{DEVIATIONS} standard deviations over our seeds where that is wider"
    )


def summary(rows: Iterable[Mapping]) -> str:
    """How many comparisons came out how, from rows with `verdict` and `published_ambiguous`, as one or two sentences.

    Rows are to be one for each cell (`seeds.over_seeds`): several seeds of a model are one comparison.
    """
    compared = [row for row in rows if row["verdict"] != NOTHING_PUBLISHED]
    clear = [row["verdict"] for row in compared if not row["published_ambiguous"]]
    ambiguous = [row["verdict"] for row in compared if row["published_ambiguous"]]
    if not compared:
        return "Nothing is published for these points."
    told = (
        [_counted(clear, "Comparisons with published numbers, one for each model and weights that a number belongs to")]
        if clear
        else []
    )
    if ambiguous:
        told.append(_counted(ambiguous, "Comparisons with numbers whose source does not say which SM it means"))
    return " ".join(told)


def _counted(verdicts: list[str], what: str) -> str:
    better, worse = verdicts.count(BETTER), verdicts.count(WORSE)
    return (
        f"{what}: {verdicts.count(REPRODUCED)} of {len(verdicts)} reproduced within {TOLERANCE:.0%} or {DEVIATIONS} "
        f"standard deviations over seeds; {verdicts.count(NOT_RUN)} not run; {better + worse} differ ({better} better, "
        f"{worse} worse)."
    )

"""The rule by which a published number counts as reproduced, and the words for its outcomes."""

import collections
from collections.abc import Iterable, Sequence

NOT_RUN = "not run"
NOTHING_PUBLISHED = "nothing published"
REPRODUCED = "reproduced"
BETTER = "differs (better)"
WORSE = "differs (worse)"
# For a number that is compared with several of our cells, or with none.
BETTER_AND_WORSE = "differs (better and worse)"
DEPENDS = "depends on which of our models or weights is meant"
NOT_IN_THE_GRID = "not in the grid"
NOT_COMPARABLE = "not comparable"
NO_VERDICT = "no verdict"  # the source's numbers are not of our protocol; they are there to look at

# The three-run means, minima and maxima in reference.yaml give a standard deviation between trainings of 1.2 % of the
# FID (pooled over nine cells; 1.9 % in the widest). Two single runs of the same recipe then differ by less than
# 2·√2·1.2 % = 3.4 % in 95 of 100 cases (5.4 % in the widest cell). But these runs very probably share their first
# 50,000 steps and their seed, so that the spread over seeds is probably larger; and that the triples are means, minima
# and maxima is an inference (SPEC 9.12). The spread holds the noise of drawing samples, but not the difference between
# two codecs and Inception programs, nor the README's rounding to a tenth (up to 1.3 % of its smallest number, 3.8).
# 5 % admits these and is well below the differences between neighbouring lengths and T.
TOLERANCE = 0.05
DEVIATIONS = 2  # standard deviations over seeds, ours or the source's own, or standard errors of ours over its samples


def verdict(ours: float | None, published: float | None, *deviations: float | None) -> str:
    """Returns the outcome in words for our number (None: not run) and the published one (None: nothing published).

    It is reproduced if |ours − published| ≤ max(TOLERANCE · published, DEVIATIONS · deviations), with the standard
    deviations over seeds or samples. Smaller is better, for an FID and for a latency.
    """
    if published is None:
        return NOTHING_PUBLISHED
    if ours is None:
        return NOT_RUN
    widest = max((deviation for deviation in deviations if deviation), default=0)
    if abs(ours - published) <= max(TOLERANCE * published, DEVIATIONS * widest):
        return REPRODUCED
    return BETTER if ours < published else WORSE


def outcome(verdicts: Sequence[str]) -> str:
    """Returns the outcome for a published number from the verdicts on its cells. Cells not run do not count."""
    known = set(verdicts) - {NOT_RUN}
    if len(known) == 1:
        return known.pop()
    if not known:
        return NOT_RUN if verdicts else NOT_IN_THE_GRID
    return DEPENDS if REPRODUCED in known else BETTER_AND_WORSE


def rule() -> str:
    """Returns the rule in words, for captions."""
    return (
        f"“{REPRODUCED}” is said where the measured number lies within {TOLERANCE:.0%} of the published one, or within "
        f"{DEVIATIONS} standard deviations where that is wider: over seeds, ours or the source's own, or over our "
        "samples (the standard error)"
    )


def summary(outcomes: Iterable[str], what: str = "published numbers") -> str:
    """Returns a sentence that counts the outcomes. `what` is the name for the numbers. Each number counts once."""
    counts = collections.Counter(outcomes)
    apart, unjudged = counts.pop(NOT_COMPARABLE, 0), counts.pop(NO_VERDICT, 0)
    besides = f" {apart} more are {NOT_COMPARABLE}." if apart else ""
    besides += f" {unjudged} more get {NO_VERDICT}." if unjudged else ""
    if not counts:
        return f"There are no {what} to compare with.{besides}"
    differing = [counts[BETTER], counts[WORSE], counts[BETTER_AND_WORSE]]
    parts = [
        f"{counts[REPRODUCED]} of {counts.total()} {what} reproduced within {TOLERANCE:.0%} or {DEVIATIONS} standard "
        "deviations over seeds or samples",
        f"{counts[NOT_RUN]} {NOT_RUN}",
        f"{sum(differing)} differ" + (" ({} better, {} worse, {} both)".format(*differing) if any(differing) else ""),
    ]
    if counts[DEPENDS]:
        parts.append(f"{counts[DEPENDS]}: it {DEPENDS}")
    if counts[NOT_IN_THE_GRID]:
        parts.append(f"{counts[NOT_IN_THE_GRID]} {NOT_IN_THE_GRID}")
    return "; ".join(parts) + "." + besides

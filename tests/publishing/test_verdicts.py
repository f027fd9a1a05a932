import math

import pytest
from celebahq import REFERENCES

from odelt.publishing import verdicts
from odelt.publishing.verdicts import BETTER, NOT_RUN, NOTHING_PUBLISHED, REPRODUCED, WORSE, summary, verdict


@pytest.mark.parametrize(
    ("ours", "outcome"),
    [(10.0, REPRODUCED), (10.5, REPRODUCED), (9.5, REPRODUCED), (10.51, WORSE), (9.49, BETTER)],
)
def test_five_per_cent_are_reproduced_and_a_lower_distance_is_better(ours, outcome):
    assert verdict(ours, 10.0) == outcome


@pytest.mark.parametrize(
    ("spread", "outcome"), [(None, WORSE), (0.1, WORSE), (0.49, WORSE), (0.5, REPRODUCED), (2.0, REPRODUCED)]
)
def test_a_wide_spread_over_seeds_admits_more_and_a_narrow_one_does_not_admit_less(spread, outcome):
    assert verdict(11.0, 10.0, spread) == outcome
    assert verdict(10.4, 10.0, spread) == REPRODUCED


def test_what_was_not_run_or_not_published_is_said():
    assert verdict(None, 10.0) == NOT_RUN
    assert verdict(10.0, None) == verdict(None, None) == NOTHING_PUBLISHED


def test_the_tolerance_fits_the_published_spread():
    """Two single runs differ by less than 2·√2·std in 95 of 100 cases: below the tolerance, and not far below."""
    spread = REFERENCES.spread()
    assert 2 * math.sqrt(2) * spread.pooled < verdicts.TOLERANCE < 2 * math.sqrt(2) * spread.largest


def test_the_rule_in_words_has_the_numbers_of_the_rule():
    assert "5%" in verdicts.rule() and "2 standard deviations" in verdicts.rule()


def test_the_summary_counts_and_keeps_ambiguous_sources_apart():
    outcomes = [*[REPRODUCED] * 3, BETTER, WORSE, WORSE, NOT_RUN, NOTHING_PUBLISHED]
    rows = [{"verdict": outcome, "published_ambiguous": ""} for outcome in outcomes]
    told = summary(rows)
    assert "3 of 7 reproduced" in told and "1 not run" in told and "3 differ (1 better, 2 worse)" in told
    assert "does not say" not in told
    told = summary([*rows, {"verdict": REPRODUCED, "published_ambiguous": "yes"}])
    assert "3 of 7 reproduced" in told and "1 of 1 reproduced" in told and "does not say" in told


def test_without_published_numbers_the_summary_says_so():
    assert "Nothing is published" in summary([{"verdict": NOTHING_PUBLISHED, "published_ambiguous": ""}])

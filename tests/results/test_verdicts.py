import math
import statistics

import pytest
from celebahq import REFERENCES

from odelt.results import verdicts
from odelt.results.verdicts import (
    BETTER,
    BETTER_AND_WORSE,
    DEPENDS,
    NO_VERDICT,
    NOT_COMPARABLE,
    NOT_IN_THE_GRID,
    NOT_RUN,
    NOTHING_PUBLISHED,
    REPRODUCED,
    WORSE,
    outcome,
    summary,
    verdict,
)


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


def test_the_tolerance_fits_the_spread_between_three_published_trainings():
    """Two single runs differ by less than 2·√2·std in 95 of 100 cases: below the tolerance, and not far below."""
    triples = [
        triple for group in REFERENCES.fid for one in group.unattributed_mean_min_max for triple in one.steps.values()
    ]
    runs = [(least, most, 3 * mean - least - most) for mean, least, most in triples]
    deviations = [statistics.stdev(three) / statistics.fmean(three) for three in runs]
    pooled, largest = math.sqrt(statistics.fmean(deviation**2 for deviation in deviations)), max(deviations)
    assert (pooled, largest) == pytest.approx((0.01187, 0.01916), abs=1e-5)
    assert 2 * math.sqrt(2) * pooled < verdicts.TOLERANCE < 2 * math.sqrt(2) * largest


def test_the_rule_in_words_has_the_numbers_of_the_rule():
    assert "5%" in verdicts.rule() and "2 standard deviations" in verdicts.rule()


def test_the_sources_own_spread_counts_too():
    assert verdict(11.0, 10.0, None, 0.5) == verdict(11.0, 10.0, 0.1, 0.5) == REPRODUCED
    assert verdict(11.0, 10.0, 0.1, 0.1) == WORSE


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([REPRODUCED, REPRODUCED], REPRODUCED),
        ([REPRODUCED, NOT_RUN], REPRODUCED),
        ([NOT_RUN, NOT_RUN], NOT_RUN),
        ([WORSE, NOT_RUN, WORSE], WORSE),
        ([BETTER, WORSE], BETTER_AND_WORSE),
        ([REPRODUCED, WORSE, NOT_RUN], DEPENDS),
        ([], NOT_IN_THE_GRID),
    ],
)
def test_a_number_that_belongs_to_several_cells_has_one_outcome(verdicts, expected):
    assert outcome(verdicts) == expected


def test_the_summary_counts_every_outcome_once():
    outcomes = [*[REPRODUCED] * 3, BETTER, WORSE, WORSE, BETTER_AND_WORSE, NOT_RUN, DEPENDS, NOT_IN_THE_GRID]
    told = summary([*outcomes, NOT_COMPARABLE, NO_VERDICT, NO_VERDICT])
    assert told.startswith(
        "3 of 10 published numbers reproduced within 5% or 2 standard deviations over seeds or samples; 1 not run"
    )
    assert "4 differ (1 better, 2 worse, 1 both)" in told and "; 1: it depends on which of our models" in told
    assert "1 not in the grid. 1 more are not comparable. 2 more get no verdict." in told


def test_the_summary_says_nothing_of_what_there_is_none_of():
    told = summary([REPRODUCED, NOT_RUN], "numbers of a run")
    assert (
        told == "1 of 2 numbers of a run reproduced within 5% or 2 standard deviations over seeds or samples; "
        "1 not run; 0 differ."
    )


def test_without_published_numbers_the_summary_says_so():
    assert summary([]) == "There are no published numbers to compare with."

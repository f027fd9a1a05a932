"""An agreement that is no better than a guess is called so, in every table that people read; the CSV keeps numbers."""

import csv

import pytest
from digits import DIGITS, layout, rows_of, write

from odelt.layout.grid import points
from odelt.publishing import main_table, tables
from odelt.results.chance import CAPTION, at_chance

__all__ = ["layout"]  # a fixture


@pytest.mark.parametrize(
    "agreeing, samples, classes, chance",
    [
        (50, 100, 2, True),
        (58, 100, 2, True),  # the test's p is 0.067
        (59, 100, 2, False),  # and 0.044
        (8, 100, 10, True),  # below chance is no better than chance
        (120, 1000, 10, False),
        (20, 20, 1, True),  # of one class every sample agrees
    ],
)
def test_chance_is_what_a_one_sided_binomial_test_cannot_tell_from_a_guess(agreeing, samples, classes, chance):
    assert at_chance(agreeing / samples, samples, classes) is chance


@pytest.mark.parametrize("agreement", [None, float("nan"), 1.5])
def test_what_is_no_share_is_not_judged(agreement):
    assert not at_chance(agreement, 100, 10)


@pytest.fixture
def guessing(layout):
    """The scores of which those at T = 4 agree with a tenth of the labels, of ten classes."""
    for point in points(DIGITS):
        agreement = 0.1 if point.solver.T == 4 else 0.9
        content = {"samples": 1797, "evaluations": 1, "frechet_distance": 1.0, "agreement": agreement}
        write(layout.score(point), content)
    return rows_of(layout)


def test_every_table_says_at_chance_where_an_agreement_is(guessing, tmp_path):
    tables.write_grid(guessing, None, tmp_path / "grid")
    tables.write_trade_off(guessing, None, tmp_path / "trade-off")
    main_table.write_main(guessing, None, tmp_path / "main")
    at_four = sum(row.steps == 4 for row in guessing)
    for name, count in {"grid": at_four, "trade-off": 5, "main": at_four}.items():
        text = (tmp_path / f"{name}.md").read_text(encoding="utf-8")
        assert text.count("10.0% (at chance)") == count > 0 and CAPTION in text, name
        assert "90.0% (at chance)" not in text
        with (tmp_path / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            shares = {value for row in csv.DictReader(file) for key, value in row.items() if "agreement" in key}
        assert {"0.1", "0.9"} <= shares and "chance" not in "".join(shares)


def test_nothing_is_said_of_chance_where_no_agreement_is(layout, tmp_path):
    tables.write_grid(rows_of(layout), None, tmp_path / "grid")
    assert "chance" not in (tmp_path / "grid.md").read_text(encoding="utf-8")

"""The phases of distillation and of consistency training (SPEC 4.7)."""

import math

import pytest

from odelt.objectives.phases import phase_at


@pytest.mark.parametrize("steps", [70, 100, 11])
def test_there_are_seven_phases_each_begins_once_and_they_are_equally_long(steps):
    """7 does not divide 100 and 11."""
    phases, begins = zip(*(phase_at(step, steps) for step in range(steps)), strict=True)
    assert phases == tuple(math.floor(7 * step / steps) for step in range(steps))
    assert sorted(set(phases)) == list(range(7))
    assert [step for step in range(steps) if begins[step]] == [phases.index(phase) for phase in range(7)]
    lengths = [phases.count(phase) for phase in range(7)]
    assert max(lengths) - min(lengths) <= 1

"""The table of objectives: what each declares (SPEC 4)."""

import pathlib
import re
import subprocess
import sys

import pytest
from conftest import small_training

from odelt import operations
from odelt.objectives import OBJECTIVES

ROOT = pathlib.Path(__file__).parents[2]


def test_a_configuration_is_checked_without_the_libraries_of_the_jax_world():
    code = "import odelt.config, sys; sys.exit(bool({'jax', 'jaxtyping', 'flax'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_nothing_compares_the_name_of_an_objective_or_of_a_rule():
    for path in (ROOT / "odelt").rglob("*.py"):
        assert not re.search(r"(objective|bootstrap|rule)(\.name)? [!=]= ", path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_row_of_a_batch_is_an_objectives(name):
    training = small_training(objective=name, batch_size=64)
    assert training.consistency_rows + training.flow_rows == 64
    assert training.consistency_rows in (0, 8, 64)
    assert training.flow_rows == 0 or training.objective.flow


def test_the_cost_of_a_step_counts_what_networks_answer(small_network):
    """Shortcut: two half-steps for an eighth of the rows; a row forwards and backwards costs three evaluations."""

    def cost(name):
        return operations.step(small_network, small_training(objective=name), inner_ode=False)

    assert cost("shortcut") / cost("naive") == pytest.approx((3 + 2 / 8) / 3)

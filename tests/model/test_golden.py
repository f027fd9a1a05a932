"""The network reproduces the released code's numbers (SPEC 10), from each of the three checkpoint files."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import relative_error

import odelt
from odelt.model import runs
from odelt.model.dit import graphs
from odelt.model.inner_ode import forward
from odelt.model.weights import flatten
from odelt.sources.checkpoints import rename
from odelt.training.lengths import active_rows


def inputs(golden):
    return [golden[name] for name in "xtdy"]


def test_conventional_velocity(golden_model, golden):
    assert relative_error(odelt.velocity(golden_model, *inputs(golden)), golden["velocity/conventional"]) < 1e-5


@pytest.mark.parametrize("length", [2, 4, 8])
def test_velocity_at_one_length(golden_model, golden, length):
    velocity = odelt.velocity(golden_model, *inputs(golden), length=length)
    assert relative_error(velocity, golden[f"velocity/length={length}"]) < 1e-5


def test_velocity_with_a_length_per_sample(golden_model, golden):
    velocity = odelt.velocity(golden_model, *inputs(golden), length=golden["per_sample_length"])
    assert relative_error(velocity, golden["velocity/per_sample"]) < 1e-5


@pytest.mark.parametrize("shallow", [8, 0], ids=["a run per block", "long runs"])
@pytest.mark.parametrize("sorted_rows", [False, True], ids=["all rows in every group", "rows leave, longest first"])
def test_loss_and_gradient(golden_model, golden, sorted_rows, shallow, monkeypatch):
    """All ways of computing lengths per row give the released loss and gradient."""
    monkeypatch.setattr(runs, "SHALLOW", shallow)
    lengths = golden["per_sample_length"]
    order = np.argsort(-lengths, kind="stable") if sorted_rows else np.arange(len(lengths))
    x, t, d, y, target = (jnp.asarray(golden[name][order]) for name in ("x", "t", "d", "y", "target"))
    group = golden_model.config.group
    active = [int((lengths >= (k + 1) * group).sum()) for k in range(4)] if sorted_rows else None

    structure = graphs(golden_model.config, length_table=True)

    def loss(weights):
        velocity = forward(structure, weights, x, t, d, y, jnp.asarray(lengths[order]), group=group, active_rows=active)
        return jnp.mean((velocity - target) ** 2)

    weights = jax.tree.map(jnp.asarray, golden_model.weights)
    value, gradient = jax.jit(jax.value_and_grad(loss))(runs.split(weights, golden_model.config))
    assert relative_error(value, golden["loss"]) < 1e-5

    released = {name.removeprefix("grad/"): leaf for name, leaf in golden.items() if name.startswith("grad/")}
    expected, found = flatten(rename(released, "golden")), flatten(runs.join(gradient))
    assert expected.keys() == found.keys()
    whole = np.sqrt(sum(np.sum(np.square(leaf, dtype=np.float64)) for leaf in expected.values()))
    for path, leaf in expected.items():
        assert np.linalg.norm(found[path] - leaf) / whole < 1e-5, path


def test_ema_is_the_files_own_and_not_the_raw_weights(imported):
    """In the golden files `params_ema` is half of `params` (SPEC 9.1)."""
    raw, ema = (flatten(odelt.load_model(imported / "odelt", kind).weights) for kind in ("raw", "ema"))
    assert all(np.array_equal(ema[path], raw[path] / 2) for path in raw)


def test_a_length_loads_only_its_own_blocks_and_gives_the_same_velocity(imported, golden):
    short = odelt.load_model(imported / "odelt", "raw", length=4)
    assert short.weights["blocks"]["query"]["kernel"].shape[0] == 4
    assert relative_error(odelt.velocity(short, *inputs(golden), length=4), golden["velocity/length=4"]) < 1e-5


def test_bfloat16_stays_near_float32(imported, golden):
    velocity = odelt.velocity(odelt.load_model(imported / "odelt", "raw", "bfloat16"), *inputs(golden), length=8)
    assert velocity.dtype == jnp.bfloat16
    assert relative_error(velocity.astype(jnp.float32), golden["velocity/length=8"]) < 0.05


def test_rows_that_leave_are_counted_for_every_allowed_length(golden_model):
    assert active_rows(8, golden_model.config, stratified=True) == [8, 6, 4, 2]
    assert active_rows(8, golden_model.config, stratified=False) == [8, 8, 8, 8]

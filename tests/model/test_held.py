"""What sampling holds of a network: nothing wider than it is used, only blocks that act, and the same numbers."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import relative_error

import odelt
from odelt.model import held, runs
from odelt.model.dit import attention_kernel, graphs
from odelt.model.inner_ode import forward

FLOAT32 = {"time_embedding/out", "step_embedding/out"}  # under bfloat16 too (SPEC 2)


@pytest.fixture(scope="module")
def models(imported):
    return {dtype: odelt.load_model(imported / "odelt", "raw", dtype) for dtype in ("float32", "bfloat16")}


def inputs(golden):
    return [jnp.asarray(golden[name]) for name in "xtdy"]


def test_bfloat16_is_held_where_it_is_computed_in_and_float32_where_the_release_keeps_it(models):
    for path, leaf in jax.tree_util.tree_leaves_with_path(models["bfloat16"].held_for(8)):
        layer = "/".join(str(key.key) for key in path[:-1] if hasattr(key, "key"))
        assert leaf.dtype == (jnp.float32 if layer in FLOAT32 else jnp.bfloat16), layer


def test_blocks_in_bfloat16_take_half_the_memory(models):
    of_blocks = {dtype: sum(w.nbytes for w in jax.tree.leaves(m.held_for(8)["blocks"])) for dtype, m in models.items()}
    assert 2 * of_blocks["bfloat16"] == of_blocks["float32"]


@pytest.mark.parametrize("length", [2, 8, None])
def test_casting_once_changes_no_bit(models, golden, length):
    """A program that is given float32 weights casts them itself, in every evaluation."""
    x, t, d, y = inputs(golden)
    structure = models["bfloat16"].structure
    field = jax.jit(lambda weights: held.field(structure, weights, length, d, y)(x, t))
    once, every_time = (field(models[dtype].held_for(length)) for dtype in ("bfloat16", "float32"))
    assert once.dtype == jnp.bfloat16 and np.array_equal(once, every_time)


@pytest.mark.parametrize("shallow", [8, 0], ids=["a run per block", "long runs"])
@pytest.mark.parametrize("length", [2, 8, None])
def test_sampling_has_the_network_that_was_trained(models, golden, length, shallow, monkeypatch):
    monkeypatch.setattr(runs, "SHALLOW", shallow)
    model = models["float32"]
    structure, weights = graphs(model.config, length_table=True), runs.split(model.weights, model.config)
    program = jax.jit(lambda *inputs: forward(structure, weights, *inputs, length, group=model.config.group))
    trained = program(*inputs(golden))
    assert relative_error(odelt.velocity(model, *inputs(golden), length), trained) < 1e-6


@pytest.mark.parametrize("solver", ["euler:1", "euler:8"])
def test_bfloat16_samples_are_within_two_percent_of_float32(models, golden, solver):
    exact, rounded = (
        odelt.integrate(model, golden["x"], golden["y"], solver, 8, guidance=1.5) for model in models.values()
    )
    assert 0 < relative_error(rounded, exact) < 0.02


def test_a_program_is_given_the_blocks_that_act_and_no_others(models):
    assert [len(models["float32"].held_for(length)["blocks"]) for length in (2, 8, None)] == [2, 8, 8]


def test_a_model_that_was_loaded_for_a_length_has_no_longer_one(imported, golden):
    short = odelt.load_model(imported / "odelt", "raw", length=4)
    with pytest.raises(odelt.OdeltError, match="4 blocks were loaded and 8 are needed: load the model for this length"):
        odelt.velocity(short, *inputs(golden), length=8)


@pytest.mark.parametrize(
    "platform, capability, dtype, head_width, kernel",
    [
        ("PJRT C API\ncuda 12090", "9.0", "bfloat16", 64, "cudnn"),
        ("PJRT C API\ncuda 12090", "12.0", "bfloat16", 72, "cudnn"),  # XL's heads
        ("PJRT C API\ncuda 12090", "9.0", "float32", 64, "xla"),  # it has none in float32
        ("PJRT C API\ncuda 12090", "7.5", "bfloat16", 64, "xla"),
        ("PJRT C API\ncuda 12090", "9.0", "bfloat16", 36, "xla"),
        ("PJRT C API\ncuda 12090", "9.0", "bfloat16", 160, "xla"),
        ("PJRT C API\nrocm 60300", "gfx942", "bfloat16", 64, "xla"),
        ("cpu", None, "bfloat16", 64, "xla"),
    ],
)
def test_flash_attention_is_chosen_where_it_exists(platform, capability, dtype, head_width, kernel):
    client = types.SimpleNamespace(platform_version=platform)
    device = types.SimpleNamespace(client=client, compute_capability=capability)
    assert attention_kernel(jnp.dtype(dtype), head_width, device) == kernel

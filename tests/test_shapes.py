"""The shapes of arrays that annotations promise are checked in the tests."""

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from conftest import small_training

from odelt.evaluation import frechet
from odelt.model.dit import modulate
from odelt.objectives import OBJECTIVES, flow_matching, rows

IMAGES = jnp.zeros((3, 4, 4, 1))
FLOW = OBJECTIVES["shortcut"].flow


def test_shapes_that_fit_are_taken():
    assert rows.interpolate(IMAGES, IMAGES, jnp.zeros(3)).shape == (3, 4, 4, 1)


@pytest.mark.parametrize(
    "call",
    [
        lambda: rows.interpolate(IMAGES, IMAGES, jnp.zeros(2)),  # a time for each image
        lambda: rows.interpolate(IMAGES, IMAGES[:, :2], jnp.zeros(3)),
        lambda: rows.interpolate(IMAGES[0], IMAGES[0], jnp.zeros(3)),
        lambda: flow_matching.rows(jax.random.key(0), IMAGES, jnp.zeros(3), FLOW, small_training(), 10),  # whole labels
        lambda: modulate(jnp.zeros((3, 2, 8)), jnp.zeros((3, 1, 4)), jnp.zeros((3, 1, 4))),
        lambda: frechet.gaussian(np.zeros(5)),
    ],
)
@pytest.mark.parametrize("compiled", [False, True])
def test_a_wrong_shape_or_type_fails(call, compiled):
    with pytest.raises(jaxtyping.TypeCheckError):
        jax.jit(call)() if compiled else call()

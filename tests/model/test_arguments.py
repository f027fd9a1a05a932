"""What `odelt.velocity` and `odelt.integrate` are given is checked, on one line."""

import jax
import numpy as np
import pytest
from conftest import relative_error

import odelt
from odelt import OdeltError

X = np.zeros((3, 8, 8, 4), np.float32)


@pytest.fixture(scope="module")
def model(imported):
    return odelt.load_model(imported / "odelt", "raw")


def velocity(model, **changes):
    return odelt.velocity(model, **{"x": X, "t": 0.5, "d": 2, "y": 1, "length": 4, **changes})


def integrate(model, **changes):
    return odelt.integrate(model, **{"x0": X, "y": 1, "solver": "euler:1", "length": 4, **changes})


IMAGES = [
    (X[0], r"has shape \[8, 8, 4\]: \[N, H, W, 4\] is needed"),
    (X[..., :3], "is needed"),
    (X[:, :7], "multiples of 2"),
    (np.where(np.arange(4) == 1, np.nan, X), "not finite"),
    (np.full(X.shape, 1e300), "not finite as float32"),
    (X.astype(complex), "numbers are needed, not the type complex128"),
    ("noise", "numbers are needed"),
    ([[1.0], [1.0, 2.0]], "an array of numbers is needed"),
]
LABELS = [
    (0.5, "y: whole numbers are needed, not the type float64"),
    (np.array([1.0, 2.0, 3.0]), "whole numbers"),
    (True, "whole numbers"),
    ("null", "whole numbers"),
    (6, "labels go from 0 to 5, where 5 is the null label"),
    (-1, "labels go from 0 to 5"),
    (1 << 40, "labels go from 0 to 5"),
    (np.arange(4), r"y has shape \[4\]: one value for all rows is needed, or \[3\]"),
]


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize("x, message", IMAGES)
def test_images_of_another_shape_or_type_or_not_finite_are_refused(model, x, message):
    for function, name in ((velocity, "x"), (integrate, "x0")):
        with pytest.raises(OdeltError, match=f"^{name}[ :].*{message}"):
            function(model, **{name: x})


@pytest.mark.parametrize("y, message", LABELS)
def test_labels_that_are_none_are_refused(model, y, message):
    for function in (velocity, integrate):
        with pytest.raises(OdeltError, match=message):
            function(model, y=y)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"t": 1.5}, "times go from 0"),
        ({"t": np.nan}, "times go from 0"),
        ({"t": [0.1, 0.2]}, r"t has shape \[2\]"),
        ({"t": None}, "t: numbers are needed"),
        ({"d": 8}, "a whole number from 0 to 7"),
        ({"d": 2.5}, "d: the step-size condition is a whole number from 0 to 7"),
        ({"d": np.nan}, "d: the step-size condition is a whole number from 0 to 7"),
        ({"length": 3}, "length 3 is not allowed; this network has 2, 4, 6, 8"),
        ({"length": 4.0}, "length: whole numbers are needed"),
        ({"length": [2, 4, 5]}, "length 5 is not allowed"),
        ({"length": [2, 4]}, r"length has shape \[2\]"),
    ],
)
def test_times_steps_and_lengths_that_are_none_are_refused(model, changes, message):
    with pytest.raises(OdeltError, match=message):
        velocity(model, **changes)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"guidance": -1}, "guidance '-1': a guidance scale is one finite number of at least 0"),
        ({"guidance": np.inf}, "guidance 'inf'"),
        ({"guidance": np.nan}, "guidance 'nan'"),
        ({"guidance": "1"}, "guidance: numbers are needed"),
        ({"guidance": [1.0, 2.0]}, "one finite number"),
        ({"solver": "heum:4"}, "known solvers are"),
        ({"solver": 4}, "solver '4': a text is needed, for example 'euler:4'"),
        ({"length": 3}, "length 3 is not allowed"),
        ({"length": 4.0}, "length: one whole number is needed, not '4.0'"),
        ({"length": [2, 4, 4]}, "length: one whole number is needed"),
        ({"d": 8}, "d = 8: the step-size condition is a whole number from 0 to 7"),
        ({"d": 2.5}, "d: one whole number is needed, not '2.5'"),
    ],
)
def test_settings_of_an_integration_that_are_none_are_refused(model, changes, message):
    with pytest.raises(OdeltError, match=message):
        integrate(model, **changes)


def test_the_number_after_the_classes_is_the_null_label(model):
    null = integrate(model, y=model.config.classes, guidance=1)
    assert relative_error(null, integrate(model, y=0, guidance=0)) < 1e-6  # two programs


def test_lists_scalars_and_arrays_of_any_integer_type_are_taken(model):
    expected = velocity(model, t=[0.5] * 3, d=[2] * 3, y=[1] * 3, length=[4] * 3)
    assert np.array_equal(
        expected, velocity(model, t=np.float64(0.5), d=np.uint8(2), y=np.int64(1), length=np.array([4] * 3))
    )
    assert np.allclose(expected, velocity(model, length=np.int32(4)), atol=1e-6)


def test_a_step_size_condition_may_be_a_float_that_is_whole(model):
    assert np.array_equal(velocity(model, d=np.full(3, 7.0, np.float32)), velocity(model, d=7))


def test_a_velocity_can_be_part_of_a_callers_own_program(model):
    """Inside of `jax.jit` values are not known, and shapes still are."""
    own = jax.jit(lambda x, t: velocity(model, x=x, t=t))
    assert np.allclose(own(X, 0.5), velocity(model), atol=1e-6)
    with pytest.raises(OdeltError, match="x has shape"):
        own(X[0], 0.5)

"""A pickled checkpoint is data: nothing in it is ever run (SPEC 8)."""

import collections
import io
import os
import pickle

import numpy as np
import pytest
from conftest import CHECKPOINTS, GOLDEN

from odelt import OdeltError
from odelt.sources import unpickle


def written(tmp_path, content: bytes):
    path = tmp_path / "checkpoint"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "int32", "int64", "uint8", "bool", ">f4"])
def test_arrays_come_back_as_they_were(tmp_path, protocol, dtype):
    array = np.arange(12).reshape(3, 4).astype(dtype)
    content = {"c": array, "fortran": np.asfortranarray(array), "empty": array[:0], "zero": np.array(3, dtype)}
    loaded = unpickle.load(written(tmp_path, pickle.dumps(content, protocol)))
    for name, expected in content.items():
        assert np.array_equal(loaded[name], expected) and loaded[name].dtype == expected.dtype, name


def test_numbers_strings_and_containers_come_back(tmp_path):
    content = {
        "a": 1,
        "b": 2.5,
        "c": "text",
        "d": [1, (2, None)],
        "e": np.float32(3),
        "f": collections.OrderedDict(x=1),
    }
    loaded = unpickle.load(written(tmp_path, pickle.dumps(content)))
    assert loaded == {"a": 1, "b": 2.5, "c": "text", "d": (1, (2, None)), "e": 3, "f": {"x": 1}}


def test_jax_arrays_come_back_as_numpy(tmp_path):
    import jax.numpy as jnp

    loaded = unpickle.load(written(tmp_path, pickle.dumps({"w": jnp.arange(6.0).reshape(2, 3)})))
    assert type(loaded["w"]) is np.ndarray
    assert np.array_equal(loaded["w"], np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_optimiser_states_become_inert_tuples(name):
    loaded = unpickle.load(GOLDEN / CHECKPOINTS[name])
    state = loaded.get("train_state", loaded)
    assert isinstance(state["opt_state"], tuple)
    assert int(state["step"]) == 800001


class Attack:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "function, arguments, named",
    [
        (os.system, ("touch {marker}",), "posix.system"),
        (eval, ("open('{marker}', 'w')",), "builtins.eval"),
        (exec, ("open('{marker}', 'w')",), "builtins.exec"),
        (os.mkdir, ("{marker}",), "posix.mkdir"),
        (getattr, ("x", "y"), "builtins.getattr"),
        (np.fromfile, ("{marker}",), "numpy.fromfile"),
        (np.load, ("{marker}",), "numpy.load"),
        (io.open, ("{marker}", "w"), "open"),
    ],
)
def test_a_pickle_that_would_run_code_is_refused_and_nothing_of_it_is_run(tmp_path, function, arguments, named):
    marker = tmp_path / "marker"
    attack = Attack(function, *(a.format(marker=marker) for a in arguments))
    path = written(tmp_path, pickle.dumps({"params": {"w": attack}}))
    with pytest.raises(OdeltError, match=f"asks for the global '.*{named}'; nothing of it was run") as error:
        unpickle.load(path)
    assert not marker.exists()
    assert "\n" not in str(error.value) and str(path) in str(error.value)


@pytest.mark.parametrize(
    "module, name", [("optax", "adam"), ("optax._src.transform", "scale_by_adam"), ("flax", "core")]
)
def test_only_the_named_states_of_optax_are_stood_in_for(tmp_path, module, name):
    with pytest.raises(OdeltError, match=f"the global '{module}.{name}'"):
        unpickle.load(written(tmp_path, f"c{module}\n{name}\n.".encode()))


def test_arrays_of_objects_are_refused(tmp_path):
    with pytest.raises(OdeltError, match="nothing of it was run"):
        unpickle.load(written(tmp_path, pickle.dumps(np.array([{"a": 1}], dtype=object))))


def test_persistent_objects_are_refused(tmp_path):
    with pytest.raises(OdeltError, match="a persistent object"):
        unpickle.load(written(tmp_path, b"\x80\x04\x8c\x01xQ."))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(OdeltError, match=r"nowhere.pkl cannot be read: No such file"):
        unpickle.load(tmp_path / "nowhere.pkl")


def test_an_empty_file_is_named(tmp_path):
    with pytest.raises(OdeltError, match="is empty: download it again"):
        unpickle.load(written(tmp_path, b""))


@pytest.mark.parametrize("part", [0.001, 0.3, 0.5, 0.9, 0.9999])
def test_a_truncated_file_says_so(tmp_path, part):
    whole = (GOLDEN / CHECKPOINTS["odelt"]).read_bytes()
    with pytest.raises(OdeltError, match="is truncated.*download it again") as error:
        unpickle.load(written(tmp_path, whole[: int(part * len(whole))]))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"<html>Quota exceeded</html>", b"PK\x03\x04zip", bytes(range(256)), b"hello"])
def test_what_is_no_pickle_says_so(tmp_path, content):
    with pytest.raises(OdeltError, match="not a pickled checkpoint"):
        unpickle.load(written(tmp_path, content))

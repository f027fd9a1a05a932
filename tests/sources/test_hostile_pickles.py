"""A few bytes of a pickle that ask for too much end in one line, at once."""

import os
import pickle

import numpy as np
import pytest

from odelt import OdeltError
from odelt.sources import unpickle

DEEP_TUPLE = b")" + b"\x85" * 200_000  # (((…),),)


def refused(tmp_path, content: bytes) -> str:
    path = tmp_path / "checkpoint"
    path.write_bytes(content)
    with pytest.raises(OdeltError) as error:
        unpickle.load(path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 500 and str(path) in str(error.value)
    return str(error.value)


def shared(levels: int) -> bytes:
    content = {}
    for _ in range(levels):
        content = {"a": content, "b": content}
    return pickle.dumps(content)


def pairs(levels: int) -> bytes:
    """A tuple of 2^levels parts, in three bytes a level."""
    return b")" + b"".join(b"\x94h" + bytes([level]) + b"\x86" for level in range(levels))


def test_dicts_that_are_shared_forty_times_over_are_refused_at_once(tmp_path):
    content = shared(40)
    assert len(content) < 1000
    assert "more than 100,000 values, each counted as often as it is used" in refused(tmp_path, content)


def test_a_shared_array_is_no_harm(tmp_path):
    weights = np.arange(3.0)
    (tmp_path / "checkpoint").write_bytes(pickle.dumps({"params": {"w": weights}, "params_ema": {"w": weights}}))
    assert np.array_equal(unpickle.load(tmp_path / "checkpoint")["params_ema"]["w"], weights)


def test_nesting_without_end_is_refused(tmp_path):
    itself = []
    itself.append(itself)
    assert "nested more than 60 deep" in refused(tmp_path, pickle.dumps(itself))
    assert "nested more than 60 deep" in refused(tmp_path, b"\x80\x02" + DEEP_TUPLE + b".")


@pytest.mark.parametrize("key", [DEEP_TUPLE, pairs(40)], ids=["deep", "wide"])
@pytest.mark.parametrize(
    "around",
    [b"}%sNs.", b"}(%sNu.", b"(%sNd.", b"ccollections\nOrderedDict\n](%sN\x86e\x85R."],
    ids=["one item", "items", "dict", "a call"],
)
def test_a_key_whose_hash_would_not_end_is_refused(tmp_path, key, around):
    """C's tuples hash all that they hold, without a limit and without a memory."""
    assert "a dict with a key of type tuple" in refused(tmp_path, b"\x80\x02" + around % key)


@pytest.mark.parametrize("opcodes", [b"\x8f(K\x01\x90.", b"(K\x01\x91."])
def test_a_set_is_refused(tmp_path, opcodes):
    assert "asks for a set" in refused(tmp_path, b"\x80\x04" + opcodes)


def test_a_large_number_of_the_memo_reserves_no_memory(tmp_path):
    (tmp_path / "checkpoint").write_bytes(b"\x80\x02}r\xff\xff\xff\x7f.")
    assert unpickle.load(tmp_path / "checkpoint") == {}


@pytest.mark.parametrize("opcode", [b"\x8e", b"\x96", b"\x8d", b"\x95"], ids=["bytes", "bytearray", "text", "frame"])
def test_a_length_beyond_the_end_of_the_file_is_a_truncated_file(tmp_path, opcode):
    assert "is truncated" in refused(tmp_path, b"\x80\x05" + opcode + (1 << 40).to_bytes(8, "little") + b"ab.")


def test_a_number_of_many_digits_is_refused(tmp_path):
    assert "a number of more than 64 bits" in refused(tmp_path, pickle.dumps({"step": 10**5000}))


def test_an_array_whose_shape_is_of_another_number_of_bytes_is_refused(tmp_path):
    content = pickle.dumps({"w": np.zeros(3, np.float32)}, 2)
    assert "its shape is of another number" in refused(tmp_path, content.replace(b"K\x03\x85", b"K\x04\x85"))


def test_an_array_type_that_would_be_long_to_print_is_not_printed(tmp_path):
    assert "an array of type tuple" in refused(tmp_path, b"\x80\x02cnumpy\ndtype\n" + pairs(40) + b"\x85R.")


def test_a_state_for_a_function_is_refused(tmp_path):
    """A state may set anything, a function's defaults among it."""
    content = b"\x80\x02cjax._src.array\n_reconstruct_array\nN}U\x0c__defaults__N\x85s\x86b."
    assert "a state for a value of type function" in refused(tmp_path, content)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_regular_file_is_named(tmp_path, kind):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    path = {"pipe": path, "device": "/dev/zero", "folder": tmp_path}[kind]
    with pytest.raises(OdeltError, match="where a regular file is needed"):
        unpickle.load(path)

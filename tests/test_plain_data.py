import os

import pytest

from odelt import plain_data
from odelt.errors import OdeltError

REFUSED_YAML = {
    "a key that is there twice": ("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' is also in line 1; remove one of them"),
    "such a key with other quotes": ("x:\n  y: 1\n  'y': 2\n", "line 3: the key 'y' is also in line 2"),
    "such a key in one line": ("{a: 1, a: 2}", "line 1: the key 'a' is twice in this line"),
    "two spellings of one number": ("1: a\n0x1: b\n", "line 2: the key '0x1' is also in line 1"),
    "a tag whose constructor fails": ("zz: !!bool x\n", "line 1: 'x' is no value of the type 'bool'"),
    "a date that is none": ("a: !!timestamp x\n", "line 1: 'x' is no value of the type 'timestamp'"),
    "a number of 6,000 digits": (f"a: {'9' * 6000}\n", "is no value of the type 'int'"),
    "a tag that makes an object": ("a: !!python/object/apply:os.system [x]\n", "line 1: not YAML: could not determine"),
    "brackets without end": ("[" * 30_000, "brackets are nested more than 60 deep"),
    "blocks without end": ("- " * 5000 + "a", "values are nested more than 60 deep"),
    "aliases that multiply": (
        "a: &a [1,1,1,1,1,1,1,1,1]\n"
        + "".join(f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
        "more than 200,000 values",
    ),
    "a value that holds itself": ("a: &a [*a]\n", "line 1: this value holds itself"),
    "bytes that are not UTF-8": ("a: é".encode("latin-1"), "byte 3 is not UTF-8; save the file as UTF-8"),
}


@pytest.mark.parametrize("name", REFUSED_YAML)
def test_yaml_is_refused_on_one_line(name, tmp_path):
    content, message = REFUSED_YAML[name]
    path = tmp_path / "file.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(OdeltError) as error:
        plain_data.read_yaml(path)
    assert message in str(error.value)
    assert str(error.value).startswith(str(path))
    assert len(str(error.value)) < 600


def test_a_key_that_overrides_a_merged_one_is_no_duplicate():
    assert plain_data.parse_yaml("a: &a {k: 1, l: 2}\nb:\n  <<: *a\n  k: 3\n", "f")["b"] == {"k": 3, "l": 2}


def test_json_with_a_key_twice_is_refused():
    with pytest.raises(OdeltError, match=r"config\.json: not JSON: the key 'width' is there twice; remove one of them"):
        plain_data.parse_json('{"width": 64, "width": 32}', "config.json")


@pytest.mark.parametrize("text", ["[" * 100_000, "[NaN]", "{", b"\xff"])
def test_json_is_refused_on_one_line(text):
    with pytest.raises(OdeltError, match="not JSON") as error:
        plain_data.parse_json(text, "file")
    assert len(str(error.value)) < 600


def test_a_named_pipe_is_no_suite(tmp_path):
    os.mkfifo(tmp_path / "a.yaml")
    with pytest.raises(OdeltError, match=r"a.yaml is a named pipe.*\(suite\)"):
        plain_data.read_yaml(tmp_path / "a.yaml", "suite")

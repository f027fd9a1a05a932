"""Names from outside, whatever they hold, reach the terminal as one short printable line that ends with the remedy."""

import json
import pickle

import numpy as np
import pytest
import safetensors.numpy
import yaml
from conftest import GOLDEN

from odelt import cli
from odelt.config import SPELLINGS
from odelt.layout.model_directory import WEIGHTS

CONTROL = "a\n\r\tb\x1b[2J\x1b]0;title\x07\u202ec\u2028"
LONG = "x" * 3_000_000
NAMES = {"control characters": CONTROL, "three million characters": LONG, "both": CONTROL + "\x1b\u202e" * 1_500_000}
ROOT = GOLDEN.parents[1]
IMPORT = ["--heads", "4", "--group", "2", "--min-length", "2", "--image", "8x8"]
SAMPLE = ["--length", "4", "--solver", "euler:2", "--count", "3"]


@pytest.fixture(params=NAMES.values(), ids=NAMES)
def name(request):
    return request.param


@pytest.fixture
def line(tmp_path, monkeypatch, capsys):
    """Runs the command line in an empty folder; gives the one line that it says."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> str:
        try:
            status = cli.main(list(map(str, arguments)))
        except SystemExit as stopped:
            status = stopped.code
        said = capsys.readouterr().err
        assert status == 2
        assert said.endswith("\n") and said[:-1].isprintable(), said[:2000]
        assert len(said) < 1000
        assert "fault of the program" not in said
        return said[:-1]

    return run


def dataset(**changes) -> str:
    return json.dumps({"name": "d", "kind": "folder", "path": "images", "image": [8, 8], "classes": 1} | changes)


def test_an_images_file_name(line, tmp_path):
    folder = tmp_path / "images" / "one"
    folder.mkdir(parents=True)
    (folder / f"{CONTROL}.png").write_bytes(b"no image")
    assert line("prepare-data", "--settings", dataset(), "--out", "d.npz").endswith("replace or remove it")


def test_a_folders_name_that_no_filesystem_takes(line, name):
    line("prepare-data", "--settings", dataset(path=name), "--out", "d.npz")


def test_a_checkpoints_global(line, tmp_path, name):
    text = name.replace("\n", " ").encode()
    content = b"\x80\x04X" + len(text).to_bytes(4, "little") + text + b"\x8c\x06system\x93."
    (tmp_path / "checkpoint").write_bytes(content)
    line("import-checkpoint", "checkpoint", "--out", "m", *IMPORT)


def test_a_checkpoints_weight(line, tmp_path, name):
    state = {name: np.zeros(3, np.float32)}
    (tmp_path / "checkpoint").write_bytes(pickle.dumps({"params": state, "params_ema": state}))
    line("import-checkpoint", "checkpoint", "--out", "m", *IMPORT)


def test_a_tensors_name(line, imported, tmp_path, name):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_bytes((imported / "odelt" / "config.json").read_bytes())
    safetensors.numpy.save_file({f"ema/{name}": np.zeros(3, np.float32)}, tmp_path / "m" / WEIGHTS)
    line("sample", "--model", "m", *SAMPLE, "--out", "s.npz")


def test_a_key_of_a_suite(line, tmp_path, name):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "tiny.yaml").write_text(yaml.safe_dump({name[:200_000]: 1}), encoding="utf-8")
    line("clean", "--suite", "tiny")


def test_a_name_in_the_registry(line, tmp_path, name):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "sources.yaml").write_text(
        yaml.safe_dump({"sources": {name[:200_000]: {"what": "w"}}}), encoding="utf-8"
    )
    downloads = {"registry": "config/sources.yaml", "lock": "config/lock.yaml"}
    suite = yaml.safe_load((ROOT / "config" / "mini.yaml").read_text(encoding="utf-8")) | {"downloads": downloads}
    (tmp_path / "config" / "tiny.yaml").write_text(yaml.safe_dump(suite), encoding="utf-8")
    line("fetch", "source", "--suite", "tiny", "--out", "f")


TOO_LONG = "choose another name"
ARGUMENTS = {
    "verb": (lambda name: [name], "--help lists them"),
    "option": (lambda name: ["plan", f"--{name.replace(' ', '')}"], "--help lists them"),
    "choice": (lambda name: ["plan", "--gpu", name], "known are h100, h200, a100, rtx4090"),
    "suite": (lambda name: ["clean", "--suite", name], "known are mini"),
    "source": (lambda name: ["fetch", name, "--suite", "mini", "--out", "f"], "inception-clean"),
    "log": (lambda name: ["--log", name + LONG, "schema"], TOO_LONG),
    "model": (lambda name: ["sample", "--model", name + LONG, *SAMPLE, "--out", "s.npz"], TOO_LONG),
    "solver": (
        lambda name: ["sample", "--model", "m", *SAMPLE, "--solver", name, "--out", "s.npz"],
        f"known solvers are {', '.join(SPELLINGS[:-1])} and {SPELLINGS[-1]}",
    ),
    "count": (
        lambda name: ["sample", "--model", "m", *SAMPLE[:-1], name, "--out", "s.npz"],
        "whole number of at least 1",
    ),
    "file": (lambda name: ["import-checkpoint", name + LONG, "--out", "m", *IMPORT], TOO_LONG),
    "settings": (lambda name: ["prepare-data", "--settings", name, "--out", "d.npz"], "give one of them"),
    "key": (lambda name: ["prepare-data", "--settings", json.dumps({name: 1}), "--out", "d.npz"], ""),
    "audited": (lambda name: ["audit", name + LONG], TOO_LONG),
    "output": (lambda name: ["import-checkpoint", "checkpoint", "--out", name + LONG, *IMPORT], TOO_LONG),
}


@pytest.mark.parametrize("arguments, remedy", ARGUMENTS.values(), ids=ARGUMENTS)
def test_an_argument(line, tmp_path, name, arguments, remedy):
    (tmp_path / "config").mkdir()
    for file in ("mini.yaml", "sources.yaml"):
        (tmp_path / "config" / file).write_bytes((ROOT / "config" / file).read_bytes())
    told = line(*arguments(name))
    assert told.endswith(remedy), told

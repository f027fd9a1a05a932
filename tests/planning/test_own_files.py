"""The user's own images and archives are compared, where they are here, with those that results were made from."""

import contextlib
import hashlib
import json
import pathlib
import shutil

import PIL.Image
import pytest
import yaml

from odelt import cli, config
from odelt.audit import today as audit_today
from odelt.provenance.record import Code, Environment, Input, Output, Record

ROOT = pathlib.Path(__file__).parents[2]
TRAINING = {"steps": 100, "learning_rate": 1e-3, "warmup_steps": 1, "ema_rate": 0.9}
PETS = {
    "dataset": {"name": "pets", "kind": "folder", "path": "downloads/pets", "image": [8, 8], "classes": 2},
    "network": {"width": 16, "heads": 2, "depth": 2, "group": 1, "min_length": 1},
    "models": {"sm": {"label": "SM", "start": "scratch", "inner_ode": False, "training": TRAINING}},
    "features": {"hidden": 4, "epochs": 2},
    "evaluation": {"samples": 20, "grid": [{"models": ["sm"], "solvers": ["euler:1"]}]},
}


@pytest.fixture
def make(tmp_path, monkeypatch, capsys):
    """A function that makes a dataset from a folder of images, in a checkout of today's code; `path` names the folder.

    It gives back a function that audits the results: exit status, and what was printed.
    """
    monkeypatch.chdir(tmp_path)
    for name in ("cat", "dog"):
        (tmp_path / "downloads" / "pets" / name).mkdir(parents=True)
        PIL.Image.new("RGB", (9, 9), "red").save(tmp_path / "downloads" / "pets" / name / "a.png")
    (tmp_path / "odelt").symlink_to(ROOT / "odelt")
    shutil.copytree(ROOT / "config", tmp_path / "config")

    def audit(*arguments, here=tmp_path):
        capsys.readouterr()
        with contextlib.chdir(here):
            status = cli.main(["audit", *map(str, arguments)])
        return status, capsys.readouterr().out

    def make(path="downloads/pets"):
        pets = {**PETS, "dataset": {**PETS["dataset"], "path": path}}
        (tmp_path / "config" / "tiny.yaml").write_text(
            yaml.safe_dump({"seed": 10, "experiments": {"pets": pets}}), encoding="utf-8"
        )
        settings = json.dumps(pets["dataset"])
        out = "results/tiny/datasets/pets/dataset.npz"
        assert cli.main(["prepare-data", "--settings", config_of(settings), "--out", out]) == 0
        assert cli.main(["snapshot", "--suite", "tiny", "--out", "results/tiny"]) == 0
        assert audit("results/tiny", "--against", ".")[0] == 0
        return audit

    return make


def config_of(settings: str) -> str:
    return config.parse_json(config.Dataset, settings, "settings").model_dump_json()


def ways_to_name(tmp_path) -> dict[str, str]:
    return {
        "in the checkout": "downloads/pets",
        "with a stroke at the end": "./downloads/pets/",
        "from the root": str(tmp_path / "downloads" / "pets"),
    }


@pytest.mark.parametrize("way", ways_to_name(pathlib.Path()))
def test_images_that_were_added_make_the_dataset_stale_however_their_folder_is_named(make, tmp_path, way):
    path = ways_to_name(tmp_path)[way]
    audit = make(path)
    shutil.copy("downloads/pets/cat/a.png", "downloads/pets/cat/b.png")
    status, said = audit("results/tiny", "--against", ".")
    assert status == 1 and f"stale: results/tiny/datasets/pets/dataset.npz: {path} has changed" in said
    assert "--forcerun results/tiny/datasets/pets/dataset.npz" in said


def test_an_image_behind_a_link_is_compared_too(make, tmp_path):
    shutil.move("downloads/pets/dog", "dogs")
    pathlib.Path("downloads/pets/dog").symlink_to(tmp_path / "dogs")
    audit = make()
    PIL.Image.new("RGB", (9, 9), "blue").save("dogs/a.png")
    assert "downloads/pets has changed" in audit("results/tiny", "--against", ".")[1]


def test_images_that_are_not_here_are_no_failure_and_it_is_said(make):
    audit = make()
    shutil.rmtree("downloads/pets")
    status, said = audit("results/tiny", "--against", ".")
    assert status == 0 and said.splitlines()[-2:] == [
        "downloads/pets is not here, so it was not compared",
        "nothing is stale",
    ]
    told = json.loads(audit("results/tiny", "--against", ".", "--json")[1])
    assert told["not_compared"] == ["downloads/pets is not here, so it was not compared"]


def test_a_folder_that_cannot_be_read_any_more_is_told_as_a_reason(make):
    audit = make()
    shutil.rmtree("downloads/pets/dog")
    pathlib.Path("downloads/pets/dog").mkdir()
    assert (
        "downloads/pets cannot be compared: downloads/pets/dog has no images"
        in (audit("results/tiny", "--against", ".")[1])
    )


def test_images_that_were_only_copied_are_the_same_and_so_is_a_copy_of_the_results(make, tmp_path):
    audit = make()
    shutil.move("downloads/pets", "kept")
    shutil.copytree("kept", "downloads/pets", copy_function=shutil.copyfile)  # other times
    assert audit("results/tiny", "--against", ".")[0] == 0
    shutil.copytree("results/tiny", tmp_path / "elsewhere" / "copied")
    assert audit("copied", here=tmp_path / "elsewhere")[0] == 0


def test_an_archive_of_another_content_makes_what_was_read_from_it_stale(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "train.tar").write_bytes(b"images")
    dataset = {"name": "in", "kind": "imagenet", "path": "train.tar", "image": [64, 64], "classes": 3}
    experiment = {
        **PETS,
        "dataset": dataset,
        "codec": {"source": "vae"},
        "features": {"references": {"one": "fid"}},
    }
    suite = {"seed": 10, "experiments": {"in-b": experiment}}
    (tmp_path / "config" / "tiny.yaml").write_text(yaml.safe_dump(suite), encoding="utf-8")
    digest = hashlib.sha256(b"images").hexdigest()
    record = Record(
        output=Output(path="datasets/in/images", sha256=digest, bytes=1),
        suite="tiny",
        inputs=(Input(path="train.tar", sha256=digest, external=True),),
        verb="prepare-images",
        parameters={"settings": json.loads(config_of(json.dumps(dataset)))},
        seed=None,
        code=Code(commit=None, dirty=None, modules={}),
        environment=Environment(python="3.11", packages={}, device=None),
        started="",
        ended="",
    )
    assert audit_today.Today(tmp_path).reasons(record) == []
    (tmp_path / "train.tar").write_bytes(b"others")
    assert audit_today.Today(tmp_path).reasons(record) == ["train.tar has changed"]
    (tmp_path / "train.tar").unlink()
    today = audit_today.Today(tmp_path)
    assert today.reasons(record) == [] and today.absent == {"train.tar"}

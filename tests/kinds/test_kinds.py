"""A kind of dataset is a line in a table: everything that has to know it asks the table."""

import json
import pathlib
import re
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest

from odelt import OdeltError, cli, config
from odelt.data import dataset
from odelt.kinds import KINDS, Kind, check_classes, digits
from odelt.layout.paths import SuitePaths
from odelt.planning import costs, doctor, own_files

RESULTS = SuitePaths(pathlib.Path("results/tiny"))
NETWORK = {"width": 16, "heads": 2, "depth": 2, "group": 1, "min_length": 1}
TRAINED = {"start": "scratch", "inner_ode": False, "training": {"steps": 10, "warmup_steps": 1, "learning_rate": 1e-3}}


def load_stripes(settings, source):
    height, width = settings.image
    rows = np.arange(2 * height * width, dtype=np.float32).reshape(2, height, width, 1) % 2
    return dataset.LabelledImages(rows, np.array([0, 1], np.int32))


STRIPES = Kind(
    name="stripes",
    description="two striped images",
    count=lambda settings: 2,
    origin="path",
    load=load_stripes,
    remedy="paint some",
    own_files=lambda path: ["a.txt"],
    left_out=lambda path: f"{path}: b.txt is left out",
)


@pytest.fixture
def stripes(monkeypatch):
    """A suite with a dataset of a kind that only the table knows."""
    monkeypatch.setitem(KINDS, "stripes", STRIPES)
    settings = {"name": "s", "kind": "stripes", "path": "painted", "image": [4, 8], "channels": 1, "classes": 2}
    experiment = {
        "dataset": settings,
        "network": NETWORK,
        "models": {"sm": {"label": "SM", **TRAINED}},
        "features": {"hidden": 4, "epochs": 2},
        "evaluation": {"samples": 20, "grid": [{"models": ["sm"], "solvers": ["euler:1"]}]},
    }
    return config.parse(config.Suite, {"seed": 10, "experiments": {"e": experiment}}, "a test's suite")


def test_a_kind_in_the_table_can_be_configured_prepared_costed_checked_and_watched(
    stripes, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    experiment, settings = stripes.experiments["e"], stripes.datasets["s"]
    assert settings.model_dump(mode="json")["kind"] == "stripes"
    job = doctor.Job("prepare_data", "results/tiny/datasets/s/dataset.npz")
    assert "painted is missing: paint some" in doctor.missing(stripes, [job])
    pathlib.Path("painted").mkdir()
    pathlib.Path("painted", "a.txt").touch()
    assert costs.preparation(experiment, bool).passing == 2 * 4 * 8 * 4
    before = own_files.fingerprint(settings)
    pathlib.Path("painted", "a.txt").write_text("more", encoding="utf-8")
    own_files.stamps.cache_clear()
    assert before and own_files.fingerprint(settings) not in ("", before)
    assert cli.main(["prepare-data", "--settings", settings.model_dump_json(), "--out", "s.npz"]) == 0
    assert dataset.load(pathlib.Path("s.npz")).images.shape == (2, 4, 8, 1)
    assert "odelt: painted: b.txt is left out" in capsys.readouterr().err


def test_the_table_can_be_read_where_jax_tensorflow_scikit_learn_and_pillow_are_not():
    code = (
        "import sys, odelt.kinds; print({'jax', 'tensorflow', 'torch', 'sklearn', 'PIL', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    "change, message",
    [
        ({"kind": "foldr"}, "kind: 'foldr' is none of .*; did you mean 'folder'"),
        ({"kind": 3}, "kind: '3' is none of digits, folder, celebahq, imagenet"),
        ({"kind": "celebahq"}, "a dataset of kind 'celebahq' needs 'source'"),
        ({"source": "faces"}, "a dataset of kind 'folder' takes no 'source': remove it"),
        ({"path": None}, "a dataset of kind 'folder' needs 'path'"),
        ({"kind": "digits", "path": None, "channels": 1}, r"classes: a dataset of kind 'digits' has 10"),
    ],
)
def test_a_dataset_has_the_keys_and_values_that_its_kind_needs(change, message):
    raw = {"name": "pets", "kind": "folder", "path": "pets", "image": [8, 8], "classes": 2}
    with pytest.raises(OdeltError, match=message):
        config.parse(config.Dataset, raw | change, "dataset")


@pytest.mark.parametrize(
    "verb, changes, message",
    [
        ("prepare-data", {"kind": "imagenet", "path": "a.tar"}, "of kind 'imagenet' cannot be prepared in memory"),
        ("prepare-images", {"kind": "folder", "path": "pets"}, "of kind 'folder' cannot be written to a folder"),
        ("prepare-images", {"kind": "celebahq", "source": "faces"}, "--source: .* 'celebahq' is made from a download"),
    ],
)
def test_what_a_kind_cannot_do_is_told_on_one_line(verb, changes, message, tmp_path, capsys):
    settings = {"name": "d", "image": [8, 8], "classes": 2} | changes
    assert cli.main([verb, "--settings", json.dumps(settings), "--out", str(tmp_path / "d")]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and re.search(message, told)


def test_a_folder_of_images_is_read_where_the_user_keeps_it_and_what_is_unpacked_is_not():
    assert KINDS["folder"].in_place
    assert not any(KINDS[name].in_place for name in ("digits", "celebahq", "imagenet"))
    pets = config.Dataset(name="pets", kind="folder", path="pets", image=(8, 8), classes=2)
    tar = config.Dataset(name="tar", kind="imagenet", path="a.tar", image=(8, 8), classes=2)
    assert RESULTS.images(pets) == pathlib.Path("pets")
    assert RESULTS.images(tar) == pathlib.Path("results/tiny/datasets/tar/images")


def test_a_plan_counts_the_images_of_a_folder_and_estimates_those_of_a_part_of_imagenet(tmp_path):
    (tmp_path / "cat").mkdir()
    PIL.Image.new("RGB", (8, 8)).save(tmp_path / "cat" / "a.png")
    pets = config.Dataset(name="pets", kind="folder", path=str(tmp_path), image=(8, 8), classes=1)
    assert pets.kind.count(pets) == 1
    tar = config.Dataset(name="tar", kind="imagenet", path=str(tmp_path / "a.tar"), image=(8, 8), classes=2)
    assert tar.kind.count(tar) == 1_281_167
    (tmp_path / "a.tar").write_bytes(bytes(1_150_000))
    assert tar.kind.count(tar) == 10


def test_the_counted_digits_are_the_loaded_ones():
    settings = config.Dataset(**config.dataset.WHOLE["digits"])
    loaded = settings.kind.load(settings, None)
    assert len(loaded.images) == settings.kind.count(settings)
    assert loaded.images.shape[1:] == (*settings.image, settings.channels) and loaded.classes == settings.classes


def test_digits_are_1797_images_of_pixel_over_eight_less_one():
    real = digits.load()
    assert real.images.shape == (1797, 8, 8, 1) and real.images.dtype == np.float32
    assert np.array_equal(np.unique(real.images), np.arange(17) / 8 - 1)
    assert np.array_equal(np.unique(real.labels), np.arange(10))


def test_a_number_of_classes_other_than_configured_is_told():
    pets = config.Dataset(name="pets", kind="folder", image=(8, 8), classes=3, path="pets")
    check_classes(3, pets)
    with pytest.raises(OdeltError, match="'pets' has 2 classes, and its configuration says 3"):
        check_classes(2, pets)

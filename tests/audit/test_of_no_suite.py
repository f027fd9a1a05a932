"""What a user makes belongs to no suite: all that can be checked is checked, and the origin is said to be outside."""

import contextlib
import shutil

import pytest

from odelt import cli
from odelt.provenance import record

pytest_plugins = ("finished",)
IMPORTED, SAMPLES, OF_SUITE = "results/imported", "samples.npz", "of-suite.npz"
SUITES_MODEL = "results/tiny/digits/models/odelt"


@pytest.fixture(scope="session")
def by_hand(whole, tmp_path_factory):
    """A project with an imported checkpoint and two sample sets, made as README says."""
    folder = shutil.copytree(whole.parent.parent, tmp_path_factory.mktemp("by-hand") / "project")
    settings = ("--heads", "4", "--group", "2", "--min-length", "2", "--image", "8x8")
    sampled = ("--solver", "euler:1", "--count", "2")
    with contextlib.chdir(folder):
        for command in (
            ("import-checkpoint", "downloads/g2_odelt_checkpoint.pkl", "--out", IMPORTED, *settings),
            ("sample", "--model", IMPORTED, "--length", "2", *sampled, "--out", SAMPLES),
            ("sample", "--model", SUITES_MODEL, "--length", "1", *sampled, "--out", OF_SUITE),
        ):
            assert cli.main(list(command)) == 0
    return folder


@pytest.fixture
def project(by_hand, tmp_path):
    return shutil.copytree(by_hand, tmp_path / "project")


@pytest.mark.parametrize("name", [IMPORTED, f"{IMPORTED}/model.safetensors", SAMPLES])
def test_what_comes_from_outside_has_status_three_and_says_so(by_hand, audit, name):
    status, lines, said = audit(by_hand / name)
    assert (status, lines) == (3, [])
    assert "of no suite, and its origin is outside of the folder: downloads/g2_odelt_checkpoint.pkl (sha256 " in said


def test_samples_of_a_suites_model_lead_back_to_its_sources(by_hand, audit):
    status, lines, said = audit("--tree", by_hand / OF_SUITE)
    assert (status, lines) == (0, []) and "digits/dataset.npz: verified" in said


@pytest.mark.parametrize("name", [SAMPLES, OF_SUITE])
def test_samples_that_were_taken_elsewhere_have_status_three(by_hand, audit, tmp_path, name):
    for file in (name, f"{name}.prov.json"):
        shutil.copy(by_hand / file, tmp_path)
    status, lines, said = audit(tmp_path / name)
    assert (status, lines) == (3, []) and "its origin is outside of the folder: results/" in said


def test_a_model_without_a_record_is_an_origin(project, audit):
    for path in (project / IMPORTED).glob("*.prov.json"):
        path.unlink()
    assert audit(project / SAMPLES)[0] == 3
    (project / IMPORTED / "model.safetensors").write_bytes(b"other")
    status, lines, _ = audit(project / SAMPLES)
    assert status == 1 and "was made from another results/imported/model.safetensors" in lines[0]


def test_what_was_changed_or_has_an_edited_record_is_not_whole(project, audit):
    (project / SAMPLES).write_bytes(b"other")
    assert audit(project / SAMPLES)[0] == 1
    path = record.record_path(project / IMPORTED / "config.json")
    path.write_text(
        path.read_text(encoding="utf-8").replace('"verb": "import-checkpoint"', '"verb": "train"'), encoding="utf-8"
    )
    status, lines, _ = audit(project / IMPORTED)
    assert status == 1 and "its record was edited" in lines[0]


def test_of_several_paths_the_worst_counts(project, audit):
    paths = [project / "results" / "tiny" / "claims.csv", project / IMPORTED, project / OF_SUITE]
    assert audit(paths[0], paths[2])[0] == 0
    assert audit(*paths)[0] == 3
    (project / OF_SUITE).write_bytes(b"other")
    assert audit(*paths)[0] == 1


def test_only_a_suite_that_is_known_is_recorded(by_hand):
    assert record.read(record.record_path(by_hand / IMPORTED / "config.json")).suite is None
    assert record.read(record.record_path(by_hand / SUITES_MODEL / "config.json")).suite == "tiny"


def test_a_suites_folder_without_its_configuration_does_not_pass_as_of_no_suite(project, audit):
    results = project / "results" / "tiny"
    for name in ("suite.yaml", "sources.lock.yaml", "sources.yaml", "reference.yaml"):
        (results / name).unlink()
        record.record_path(results / name).unlink()
    shutil.rmtree(results / "crate")
    record.record_path(results / "crate").unlink()
    status, lines, _ = audit(results)
    assert status == 1 and any("suite.yaml: is missing, and so is its record" in line for line in lines)

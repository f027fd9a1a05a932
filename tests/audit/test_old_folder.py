"""A finished folder that version 0.1.0 made (commit cef451d, a cut-down mini) is understood from now on."""

import json
import pathlib
import shutil
import tarfile

import pytest
import yaml

from odelt import cli
from odelt.audit import page
from odelt.config import load_suite
from odelt.layout.paths import ExperimentPaths
from odelt.provenance import record
from odelt.results.rows import rows

PACKED = pathlib.Path(__file__).parent / "old" / "mini-cef451d.tar.xz"
DIGEST = "c4ee66548629cd22a456a647bd6abb36a9076ae2b23aa85503652c488b19b25e"  # which cef451d itself printed


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("old")
    with tarfile.open(PACKED) as packed:
        packed.extractall(root, filter="data")
    return root / "mini-old"


def audit(capsys, *arguments) -> tuple[int, str]:
    status = cli.main(["audit", *map(str, arguments)])
    return status, capsys.readouterr().out


def test_it_is_verified_and_has_the_digest_that_its_own_version_printed(folder, capsys):
    status, said = audit(capsys, "--expect", DIGEST, folder)
    assert status == 0, said
    assert "48 verified, 24 removed as temporary, 0 not" in said


def test_samples_that_were_cleaned_away_may_be_gone(folder):
    sample = folder / "digits" / "samples" / "odelt" / "ema" / "l1" / "euler-4_w1.npz"
    assert not sample.exists() and record.read(record.record_path(sample)).removed


def test_a_parameter_that_is_not_the_suites_still_shows(folder, capsys, tmp_path):
    copied = shutil.copytree(folder, tmp_path / "mini-old")
    path = record.record_path(copied / "digits" / "scores" / "floor.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    content["parameters"]["seed"] += 1
    path.write_text(
        json.dumps(record.Record.model_validate(content).sealed().model_dump(mode="json")), encoding="utf-8"
    )
    assert audit(capsys, copied / "digits" / "scores" / "floor.json")[0] == 1


def test_its_page_says_that_nothing_is_broken(folder, tmp_path):
    out = tmp_path / "audit.html"
    page.write("mini-old", folder, out)
    outcome = yaml.safe_load((tmp_path / "audit.yaml").read_text(encoding="utf-8"))["audit"]
    assert out.stat().st_size > 10_000 and outcome["problems"] == 0 and outcome["digest"] == DIGEST


def test_its_latencies_are_read(folder):
    """Version 0.1.0 timed each model at each length."""
    experiment = load_suite(folder / "suite.yaml").experiments["digits"]
    timed = {row.timing.file for row in rows("digits", experiment, ExperimentPaths(folder / "digits")) if row.timing}
    assert "latency/odelt/l1.json" in timed and timed == {
        path.relative_to(folder / "digits").as_posix()
        for path in folder.glob("digits/latency/*/*.json")
        if path.suffixes == [".json"]
    }

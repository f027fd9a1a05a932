"""What today's checkout would make otherwise is told with the reason and the command, and nothing else is."""

import hashlib
import importlib.metadata
import json
import shutil
import subprocess

import pytest

from odelt.audit import today
from odelt.provenance import record

pytest_plugins = ("finished",)
WEIGHTS = "digits/models/odelt/model.safetensors"
SAMPLES = "digits/samples/odelt/ema/l1/euler-1_w1.npz"
SCORE = "digits/scores/odelt/ema/l1/euler-1_w1.json"
GRID = "digits/tables/grid.csv"
MODULES = {"train": "odelt.training.loop", "sample-grid": "odelt.sampling.solvers"}
SOURCE = '"""What it does."""\n\n\ndef act(x):\n    """Of x."""\n    return x + 1  # why\n'


def git(folder, *arguments) -> str:
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    told = subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True, encoding="utf-8")
    return told.stdout.strip()


@pytest.fixture
def checkout(whole, results, edit, tmp_path):
    """A checkout with two modules, and results whose records say that they were made by it."""
    folder = tmp_path / "checkout"
    shutil.copytree(whole.parent.parent / "config", folder / "config")
    (folder / "README.md").write_text("A project.\n", encoding="utf-8")
    for module in ("odelt", *MODULES.values()):
        path = folder.joinpath(*module.split("."))
        path = path / "__init__.py" if module == "odelt" else path.with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SOURCE, encoding="utf-8")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "all")
    commit, sha256 = git(folder, "rev-parse", "HEAD"), hashlib.sha256(SOURCE.encode()).hexdigest()
    shutil.rmtree(results / "crate")  # which tells the records as they were
    record.record_path(results / "crate").unlink()
    for path in list(results.rglob("*.prov.json")):
        verb = json.loads(path.read_text(encoding="utf-8"))["verb"]
        modules = {MODULES[verb]: sha256} if verb in MODULES else {}
        packages = {"safetensors": importlib.metadata.version("safetensors")} if verb == "train" else {}
        made_by = {
            "code": {"commit": commit, "dirty": False, "modules": modules},
            "environment": {"python": "3.11.7", "packages": packages, "device": None},
        }
        output = path.relative_to(results).as_posix().removesuffix(record.SUFFIX)
        edit(output, lambda content, made_by=made_by: content.update(made_by))
    return folder


@pytest.fixture
def stale(results, checkout, audit):
    """Exit status, stale outputs with their reasons, and the command."""

    def run():
        status, problems, said = audit(results, "--against", checkout)
        assert problems == []
        told = [line.removeprefix("stale: ") for line in said.splitlines() if line.startswith("stale: ")]
        found = dict(line.removeprefix("copied/").split(": ", 1) for line in told)
        return status, found, said.splitlines()[-1]

    return run


def module(checkout, name):
    return checkout.joinpath(*name.split(".")).with_suffix(".py")


def test_nothing_is_stale_where_nothing_has_changed(stale):
    assert stale() == (0, {}, "nothing is stale")


def test_documentation_makes_nothing_stale(stale, checkout):
    (checkout / "README.md").write_text("Another text.\n", encoding="utf-8")
    path = module(checkout, "odelt.sampling.solvers")
    path.write_text(
        SOURCE.replace("What it does", "What it really does").replace("Of x", "More").replace("why", "y"),
        encoding="utf-8",
    )
    suite = checkout / "config" / "tiny.yaml"
    suite.write_text("# a comment\n" + suite.read_text(encoding="utf-8"), encoding="utf-8")
    assert stale()[:2] == (0, {})


def test_another_sampler_makes_samples_and_what_follows_stale_and_not_the_weights(stale, checkout):
    module(checkout, "odelt.sampling.solvers").write_text(SOURCE.replace("x + 1", "x + 2"), encoding="utf-8")
    status, found, command = stale()
    assert status == 1
    assert found[SAMPLES] == "odelt.sampling.solvers has changed"
    assert found[SCORE] == found[GRID] == "what it was made from is"
    assert WEIGHTS not in found and "digits/latency/programs.json" not in found
    both = f"results/tiny/{SAMPLES} results/tiny/{SAMPLES.replace('odelt', 'released')}"
    assert command == f"make again: snakemake --cores all --config suite=tiny --forcerun {both}"


def test_another_trainer_makes_the_weights_stale(stale, checkout):
    module(checkout, "odelt.training.loop").unlink()
    _, found, command = stale()
    assert found[WEIGHTS] == "odelt.training.loop is gone" and SAMPLES in found
    assert command.count("results/tiny/") == 1 and "models/odelt" in command


def test_without_git_any_change_of_a_module_counts(stale, checkout):
    module(checkout, "odelt.sampling.solvers").write_text(SOURCE.replace("why", "y"), encoding="utf-8")
    shutil.rmtree(checkout / ".git")
    assert stale()[1][SAMPLES] == "odelt.sampling.solvers has changed"


def test_another_configuration_is_told(stale, checkout):
    suite = checkout / "config" / "tiny.yaml"
    suite.write_text(
        suite.read_text(encoding="utf-8").replace("learning_rate: 0.001", "learning_rate: 0.002"), encoding="utf-8"
    )
    found = stale()[1]
    expected = "configuration: training.learning_rate is 0.001, and 0.002 in the configuration"
    assert found[WEIGHTS] == expected and "datasets/digits/dataset.npz" not in found
    assert found["suite.yaml"] == "config/tiny.yaml has changed"


def test_other_published_numbers_make_the_tables_stale(stale, checkout):
    published = checkout / "config" / "reference.yaml"
    published.write_text(published.read_text(encoding="utf-8") + "more: 1\n", encoding="utf-8")
    found = stale()[1]
    assert found[GRID] == found["verdicts.json"] == "config/reference.yaml has changed" and SCORE not in found


def test_another_version_of_a_package_is_told(stale, monkeypatch):
    installed = today._version
    monkeypatch.setattr(today, "_version", lambda name: "99" if name == "safetensors" else installed(name))
    found = stale()[1]
    assert "safetensors is 99 now, and was" in found[WEIGHTS] and "datasets/digits/dataset.npz" not in found


def test_a_download_is_stale_only_where_the_lock_says_so(stale, checkout):
    lock = checkout / "config" / "sources.lock.yaml"
    lock.write_text("sources: {}\n", encoding="utf-8")
    assert "is not in the lock" in stale()[1]["sources/released/g2_odelt_checkpoint.pkl"]


def test_something_else_than_a_checkout_is_told(results, audit, tmp_path):
    status, lines, _ = audit(results, "--against", tmp_path)
    assert status == 2 and "is no checkout of this project" in lines[0]


def test_what_is_lost_or_damaged_is_made_again_by_the_command(results, checkout, audit):
    (results / SAMPLES).unlink()
    record.record_path(results / SCORE).unlink()
    (results / GRID).write_text("edited", encoding="utf-8")
    _, problems, said = audit(results, "--against", checkout)
    assert problems
    told = "\n".join(line for line in said.splitlines() if line.startswith("stale: "))
    for name, reason in (
        (SAMPLES, "it is missing"),
        (SCORE, "it has no record"),
        (GRID, "it is not what was recorded"),
    ):
        assert f"copied/{name}: {reason}" in told
    command = said.splitlines()[-1]
    assert command.startswith("make again: snakemake") and f"results/tiny/{SAMPLES}" in command


def test_what_the_configuration_asks_for_no_more_is_left_over_and_not_made_again(stale, checkout):
    path = checkout / "config" / "tiny.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("euler:1", "euler:4"), encoding="utf-8")
    _, found, command = stale()
    assert "is left over" in found[SCORE] and f"results/tiny/{SCORE}" not in command

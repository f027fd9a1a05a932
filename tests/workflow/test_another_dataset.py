"""Another dataset is one suite: README's own, run to the letter on a folder of two classes of small images."""

import csv
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest
from test_workflow import ROOT, make_checkout, snakemake

pytestmark = pytest.mark.workflow
__all__ = ["make_checkout"]  # a fixture


def shown() -> tuple[str, str, list[str]]:
    """README's suite: the name of its file, its text, and what its command asks Snakemake for."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"^\*\*Another dataset\*\*.*?(?=^## )", text, flags=re.S | re.M)
    (suite,) = re.findall(r"```yaml\n(.*?)```", section, flags=re.S)
    (command,) = re.findall(r"```sh\n(.*?)\n?```", section, flags=re.S)
    program, *asked = shlex.split(command, comments=True)
    assert program == "snakemake" and asked[:2] == ["--cores", "all"]
    return re.search(r"`(config/[a-z]+\.yaml)`", section)[1], suite, asked[2:]


def with_shown_suite(folder: pathlib.Path) -> pathlib.Path:
    file, suite, _ = shown()
    (folder / file).write_text(suite, encoding="utf-8")
    return folder


def two_classes(folder: pathlib.Path) -> None:
    """Bright and dark 10×9 images; they are cropped and brought to 8×8."""
    random = np.random.default_rng(0)
    for name, level in {"bright": 190, "dark": 60}.items():
        (folder / name).mkdir(parents=True)
        for k in range(40):
            pixels = (level + random.integers(-40, 40, (10, 9, 3))).astype(np.uint8)
            PIL.Image.fromarray(pixels).save(folder / name / f"{k}.png")


@pytest.fixture(scope="module")
def made(make_checkout):
    """A checkout in which README's suite has been run, and what Snakemake said."""
    folder = with_shown_suite(make_checkout("flowers"))
    two_classes(folder / "downloads" / "flowers")
    done = snakemake(folder, *shown()[2], seconds=1500)
    assert done.returncode == 0, done.stderr
    return folder, done.stderr


def test_readmes_suite_trains_models_whose_samples_show_the_asked_class(made):
    folder, said = made
    tables = folder / "results" / "flowers" / "flowers" / "tables"
    with (tables / "grid.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lengths = {(row["model"], row["length"]) for row in rows}
    assert lengths == {("sm", "full"), ("odelt", "2"), ("odelt", "4")} and len(rows) == 3 * len(lengths)
    for row in rows:
        least = 0.9 if row["solver"] in ("euler:4", "euler:128") else 0.6
        assert float(row["agreement"]) > least, row
    assert "at chance" not in (tables / "grid.md").read_text(encoding="utf-8") and "warning" not in said


def test_readmes_suite_reads_the_images_as_they_are(made):
    with np.load(made[0] / "results" / "flowers" / "datasets" / "flowers" / "dataset.npz") as file:
        assert file["images"].shape == (80, 8, 8, 3) and sorted(set(file["labels"])) == [0, 1]


def test_images_that_are_put_away_are_not_missed_and_images_that_change_are_read_again(made):
    folder = made[0]
    own = folder / "downloads" / "flowers"
    own.rename(folder / "away")
    assert "Nothing to be done" in planned(folder)
    (folder / "away").rename(own)
    assert "Nothing to be done" in planned(folder)
    for name in ("bright", "dark"):
        for k in range(40):
            shutil.copy(own / name / f"{k}.png", own / name / f"{k}-again.png")
    counts = planned(folder)
    assert re.search(r"^prepare_data +1$", counts, flags=re.M) and re.search(r"^train +2$", counts, flags=re.M)


def planned(folder: pathlib.Path) -> str:
    """What Snakemake says that it would do."""
    done = snakemake(folder, "--dry-run", *shown()[2])
    return done.stdout + done.stderr


def test_a_folder_that_is_not_there_stops_the_run_before_its_first_job(make_checkout):
    folder = with_shown_suite(make_checkout("no-flowers"))
    done = snakemake(folder, *shown()[2])
    assert done.returncode == 2
    assert "odelt: downloads/flowers is missing: a folder with a folder of images for each class" in done.stderr
    assert not (folder / "results" / "flowers" / "datasets").exists()
    doctor = [sys.executable, "-m", "odelt", "doctor", "--suite", "flowers"]
    assert subprocess.run(doctor, cwd=folder, capture_output=True).returncode == 1

"""Another dataset is one block in a suite: README's own, on a folder of two classes of small images."""

import pathlib
import re
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest
import yaml
from test_workflow import ROOT, make_checkout, snakemake, tiny_suite

pytestmark = pytest.mark.workflow
__all__ = ["make_checkout"]  # a fixture


def block() -> dict:
    """The experiment that README shows."""
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.S)
    return yaml.safe_load(text)["experiments"]


def two_classes(folder: pathlib.Path) -> None:
    """Bright and dark 10×9 images; they are cropped and brought to 8×8."""
    random = np.random.default_rng(0)
    for name, level in {"bright": 190, "dark": 60}.items():
        (folder / name).mkdir(parents=True)
        for k in range(40):
            pixels = (level + random.integers(-40, 40, (10, 9, 3))).astype(np.uint8)
            PIL.Image.fromarray(pixels).save(folder / name / f"{k}.png")


def test_one_block_is_all_that_another_dataset_takes(make_checkout):
    folder = make_checkout("flowers")
    two_classes(folder / "downloads" / "flowers")
    experiment = block()
    for model in experiment["flowers"]["models"].values():  # in seconds
        model["training"] |= {"steps": 40, "warmup_steps": 4, "batch_size": 16}
    experiment["flowers"]["network"] |= {"width": 16, "depth": 2, "group": 1, "min_length": 1}
    experiment["flowers"]["evaluation"]["samples"] = 40
    suite = tiny_suite()
    suite["experiments"] |= experiment
    (folder / "config" / "tiny.yaml").write_text(yaml.safe_dump(suite), encoding="utf-8")
    results = folder / "results" / "tiny" / "flowers"
    wanted = [
        f"{results.relative_to(folder)}/{part}" for part in ("tables/main.md", "tables/grid.csv", "figures/samples.png")
    ]
    told = snakemake(folder, *wanted)
    assert told.returncode == 0, told.stderr
    with np.load(folder / "results" / "tiny" / "datasets" / "flowers" / "dataset.npz") as file:
        assert file["images"].shape == (80, 8, 8, 3) and sorted(set(file["labels"])) == [0, 1]
    grid = (results / "tables" / "grid.csv").read_text(encoding="utf-8")
    assert len(grid.splitlines()) == 1 + 3 + 2 * 3 and "not run" not in grid


def test_a_folder_that_is_not_there_stops_the_run_before_its_first_job(make_checkout):
    folder = make_checkout("no-flowers")
    suite = tiny_suite()
    suite["experiments"] |= block()
    (folder / "config" / "tiny.yaml").write_text(yaml.safe_dump(suite), encoding="utf-8")
    told = snakemake(folder, "results/tiny/flowers/tables/main.md")
    assert told.returncode == 2
    assert "odelt: downloads/flowers is missing: a folder with a folder of images for each class" in told.stderr
    assert not (folder / "results" / "tiny" / "datasets").exists()
    doctor = [sys.executable, "-m", "odelt", "doctor"]
    assert subprocess.run(doctor, cwd=folder, capture_output=True).returncode == 1

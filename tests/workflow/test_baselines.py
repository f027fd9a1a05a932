"""SM's baselines through the real workflow (SPEC 4.7): their training in two steps, and consistency sampling."""

import json

import numpy as np
import pytest
import yaml
from test_workflow import ROOT, make_checkout, snakemake

pytestmark = pytest.mark.workflow
__all__ = ["make_checkout"]  # a fixture
BASELINES = ("progressive", "consistency-distillation", "consistency-training", "live-reflow")


def written(folder, name: str, suite: dict) -> list[str]:
    """Writes a suite; returns the options that choose it."""
    (folder / "config" / f"{name}.yaml").write_text(yaml.safe_dump(suite), encoding="utf-8")
    return ["--config", f"suite={name}"]


def read(name: str) -> dict:
    return yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text(encoding="utf-8"))


def test_every_baseline_is_trained_and_consistency_sampling_is_scored(make_checkout):
    folder, suite = make_checkout("baselines"), read("mini-baselines")
    digits = suite["experiments"]["digits"]
    digits["network"] = {"width": 8, "heads": 1, "depth": 1, "group": 1, "min_length": 1}
    for model in digits["models"].values():
        model["training"] |= {"steps": 8, "warmup_steps": 0, "batch_size": 16}
    digits["features"] = {"hidden": 8, "epochs": 1}
    models = list(BASELINES)
    grid = [
        {"models": models[2:3], "solvers": ["consistency:2"]},
        {"models": [*models[:2], models[3]], "solvers": ["euler:1"]},
    ]
    digits["evaluation"] = {"samples": 70, "grid": grid}
    weights = [f"results/cut/digits/models/{name}/model.safetensors" for name in BASELINES]
    score = "results/cut/digits/scores/consistency-training/ema/full/consistency-2_d0_w1.json"
    told = snakemake(folder, *weights, score, *written(folder, "cut", suite))
    assert told.returncode == 0, told.stderr
    assert json.loads((folder / score).read_text(encoding="utf-8"))["evaluations"] == 2
    for name, path in zip(BASELINES, weights, strict=True):
        config = json.loads((folder / path).with_name("config.json").read_text(encoding="utf-8"))
        assert config["objective"] == name
    with np.load(folder / score.replace("scores", "samples").replace("json", "npz")) as made:
        assert np.isfinite(made["samples"]).all() and len(made["samples"]) == 70


def test_a_dry_run_lists_the_jobs_of_the_papers_baselines_when_they_are_turned_on(make_checkout):
    folder, suite = make_checkout("on"), read("paper")
    baselines = suite["experiments"]["celebahq-b-baselines"] | {"enabled": True}
    options = written(folder, "on", suite | {"experiments": {"celebahq-b-baselines": baselines}})
    planned = snakemake(folder, "--dry-run", "only_celebahq_b_baselines", *options)
    assert planned.returncode == 0, planned.stderr
    for name in ("naive", "shortcut", *BASELINES):
        assert f"Train celebahq-b-baselines/models/{name}\n" in planned.stdout, name
        assert f"Generate the samples of celebahq-b-baselines/{name}/ema/full\n" in planned.stdout, name

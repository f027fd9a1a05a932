"""What rules ask of a suite about a job."""

import pathlib

import pytest

from odelt.config import Suite, load_suite, parse
from odelt.layout.paths import SuitePaths
from odelt.planning.jobs import Jobs

ROOT = pathlib.Path(__file__).parents[2]


class Wildcards(dict):
    """As Snakemake gives them."""

    __getattr__ = dict.__getitem__


def jobs_of(name: str) -> Jobs:
    return Jobs(load_suite(ROOT / "config" / f"{name}.yaml"), SuitePaths(pathlib.Path("results", name)))


def needs(jobs: Jobs, verb: str, **wildcards) -> dict[str, int]:
    return {name: of_job(Wildcards(wildcards)) for name, of_job in jobs.resources(verb).items()}


@pytest.mark.parametrize(
    "verb, wildcards",
    [
        ("train", {"trained": "digits/models/odelt"}),
        ("latency", {"experiment": "digits"}),
        ("tables", {"experiment": "digits"}),
        ("audit-page", {}),
    ],
)
def test_a_job_of_a_small_experiment_needs_4_gigabytes_an_hour_and_no_gpu(verb, wildcards):
    assert needs(jobs_of("mini"), verb, **wildcards) == {"mem_mb": 4000, "runtime": 60, "gpu": 0}


def test_a_job_that_needs_less_asks_for_less():
    assert needs(jobs_of("mini"), "snapshot") == {"mem_mb": 1000, "runtime": 10, "gpu": 0}


def test_a_large_training_run_takes_a_gpu_a_day_at_a_time_and_importing_weights_takes_memory():
    jobs = jobs_of("paper")
    assert needs(jobs, "train", trained="imagenet-xl/models/odelt") == {"mem_mb": 32000, "runtime": 1440, "gpu": 1}
    assert (jobs.slices, jobs_of("mini").slices) == (8, 1)
    imported = needs(jobs, "import-checkpoint", downloaded="imagenet-xl/models/sm")
    assert imported == {"mem_mb": 32000, "runtime": 60, "gpu": 0}


def test_a_run_that_several_gpus_share_asks_for_all_of_them():
    suite = load_suite(ROOT / "config" / "paper.yaml").model_dump(mode="json")
    settings = suite["experiments"]["imagenet-xl"]
    settings["models"]["odelt"]["training"] |= {"sharding": "data", "gpus": 8}
    jobs = Jobs(parse(Suite, suite, "paper"), SuitePaths(pathlib.Path("results/paper")))
    assert needs(jobs, "train", trained="imagenet-xl/models/odelt")["gpu"] == 8
    assert needs(jobs, "train", trained="imagenet-b/models/odelt")["gpu"] == 1


def test_a_run_is_made_from_its_data_and_from_the_weights_that_it_starts_from():
    jobs, results = jobs_of("mini"), pathlib.Path("results/mini")
    data = {"data": results / "datasets/digits/dataset.npz"}
    assert jobs.of_run(Wildcards(trained="digits/models/sm")) == data
    start = {"start": results / "digits/models/sm/model.safetensors"}
    assert jobs.of_run(Wildcards(trained="digits/models/odelt")) == data | start


def test_a_lock_is_named_only_where_something_was_downloaded():
    assert jobs_of("mini").lock(Wildcards(experiment="digits")) == ""
    assert jobs_of("paper").lock(Wildcards(experiment="imagenet-b")) == "--lock config/sources.lock.yaml"


def test_a_suite_with_large_experiments_tries_a_failed_job_once_more():
    assert (jobs_of("paper").retries, jobs_of("mini").retries) == (1, 0)

"""What is missing is told before the first job, for the jobs asked for, and nothing else is asked for."""

import pathlib
import re
import subprocess
import sys

import pytest

from odelt import config, operations
from odelt.machine import devices
from odelt.planning import clean, costs, doctor, plan
from odelt.planning.doctor import Job

ROOT = pathlib.Path(__file__).parents[2]
PAPER = config.load_suite(ROOT / "config" / "paper.yaml")
MINI = config.load_suite(ROOT / "config" / "mini.yaml")
TRAIN = Job("train", "results/paper/celebahq-b/models/odelt/model.safetensors")
SAMPLE = Job("sample_imagenet_b__odelt_ema_l4", "results/paper/imagenet-b/samples/odelt/ema/l4/euler-1_w1.npz")
TABLE = Job("main_table", "results/paper/celebahq-b/tables/main.html")
TAR = Job("prepare_images", "results/paper/datasets/imagenet-256/images")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A folder with a large disk, on a machine without GPUs, with every package and an empty cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(devices, "inventory", lambda: [])
    monkeypatch.setattr(doctor, "_installed", lambda name: True)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10**15}))
    monkeypatch.delenv(devices.ALLOW_CPU, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_heavy_training_without_a_gpu_is_told_in_one_line():
    (line,) = doctor.missing(PAPER, [TRAIN, SAMPLE, TABLE])
    assert line.startswith("there is no GPU here, and 2 of these jobs need one (celebahq-b, imagenet-b)")


def test_no_gpu_is_asked_of_a_table_nor_of_the_machine_that_only_sends_jobs():
    assert doctor.missing(PAPER, [TABLE]) == []
    assert doctor.missing(PAPER, [TRAIN], gpu=False) == []


def test_who_wants_a_cpu_may_have_it(monkeypatch):
    monkeypatch.setenv(devices.ALLOW_CPU, "1")
    assert doctor.missing(PAPER, [TRAIN]) == []


def test_a_gpu_is_enough(monkeypatch):
    monkeypatch.setattr(devices, "inventory", lambda: [devices.Device("GPU-1", "H100", None)])
    assert doctor.missing(PAPER, [TRAIN, SAMPLE]) == []


def test_small_networks_need_no_gpu():
    assert doctor.missing(MINI, [Job("train", "results/mini/digits/models/sm/model.safetensors")]) == []


def test_the_tar_is_asked_for_where_it_is_read_and_not_otherwise(tmp_path):
    (line,) = doctor.missing(PAPER, [TAR])
    assert line.startswith(
        "downloads/ILSVRC2012_img_train.tar is missing: put ImageNet's train tar there (147,897,477,120 bytes"
    )
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / "ILSVRC2012_img_train.tar").touch()
    assert doctor.missing(PAPER, [TAR]) == []


@pytest.mark.parametrize(
    "absent, job, remedy",
    [("torch", SAMPLE, None), ("torch", Job("statistics_x", "a/b"), "make env-full"), ("jax", SAMPLE, "make env")],
)
def test_packages_are_asked_for_by_the_jobs_that_import_them(monkeypatch, absent, job, remedy):
    monkeypatch.setattr(doctor, "_installed", lambda name: name != absent)
    lines = [line for line in doctor.missing(PAPER, [job], gpu=False) if "package" in line]
    assert lines == (
        [f"the package {absent} is not installed; type: {remedy}{lines[0].partition(remedy)[2]}"] if remedy else []
    )
    assert doctor.missing(PAPER, [job], gpu=False, packages=False) == []


def test_a_disk_that_is_too_small_is_told_with_both_sizes(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 5e9}))
    (line,) = doctor.missing(PAPER, [SAMPLE], gpu=False)
    assert re.fullmatch(r"the disk has 5.0 GB left and these jobs need [\d.]+ GB; free some .*", line)


def test_more_seeds_and_more_samples_cost_more():
    experiment = PAPER.experiments["imagenet-b"]
    fewer = experiment.model_copy(update={"evaluation": experiment.evaluation.model_copy(update={"samples": 1000})})
    assert costs.cost(fewer, bool).sampling < costs.cost(experiment, bool).sampling / 40
    one = experiment.model_copy(
        update={"models": {**experiment.models, "odelt": experiment.models["odelt"].model_copy(update={"seeds": None})}}
    )
    per_run = operations.step(config.network_of(experiment), experiment.models["odelt"].training, True) * 100_000
    assert costs.cost(experiment, bool).training - costs.cost(one, bool).training == pytest.approx(3 * per_run)


@pytest.mark.parametrize("cores, jobs", [(0, None), (-1, None), (None, 0)])
def test_a_workflow_without_a_core_stops_and_does_not_wait(capsys, cores, jobs):
    with pytest.raises(SystemExit, match="2"):
        doctor.cores_or_exit(cores, jobs)
    assert "no job could ever run; type --cores all" in capsys.readouterr().err


def test_without_a_number_of_cores_the_rules_are_read_with_those_of_the_machine():
    assert doctor.cores_or_exit(3, None) == 3
    assert doctor.cores_or_exit(None, None) >= 1


@pytest.fixture
def in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_the_report_s_own_keys_are_no_misspelt_ones(in_the_project):
    told = {"verdicts": {"summary": "all of them"}, "audit": {"digest": "0"}}
    assert doctor.suite_or_exit({"suite": "mini", **told}) == MINI


@pytest.mark.parametrize("key", ["verdict", "audits", "suit"])
def test_a_key_that_nobody_reads_stops_the_run_whatever_it_holds(in_the_project, capsys, key):
    for value in ({}, "mini"):
        with pytest.raises(SystemExit, match="2"):
            doctor.suite_or_exit({"suite": "mini", key: value})
        assert capsys.readouterr().err.startswith(f"odelt: unknown configuration key '{key}'")


def test_a_report_s_key_that_somebody_types_is_refused(in_the_project, capsys):
    with pytest.raises(SystemExit, match="2"):
        doctor.suite_or_exit({"suite": "mini", "verdicts": "all"})
    assert "unknown configuration key 'verdicts'" in capsys.readouterr().err


def test_numbers_to_compare_with_that_are_not_there_stop_the_run(tmp_path, capsys):
    (tmp_path / "config").mkdir()
    text = (
        (ROOT / "config" / "mini.yaml").read_text(encoding="utf-8").replace("expected/mini.yaml", "expected/mimi.yaml")
    )
    (tmp_path / "config" / "mini.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match="2"):
        doctor.suite_or_exit({"suite": "mini"})
    line = "config/mini.yaml: published: there is no file 'config/expected/mimi.yaml'; put it there, or name another"
    assert capsys.readouterr().err == f"odelt: {line}\n"


def test_clean_tells_first_and_removes_what_can_be_made_again_when_asked(tmp_path):
    root = tmp_path / "results" / "mini" / "digits"
    for path in ("samples/sm/ema/full/euler-1_w1.npz", "scores/sm/ema/full/euler-1_w1.json", "tables/main.md"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x" * 1000)
    draft = root / "scores" / ".main-draft-abc.json"
    draft.touch()
    told = list(clean.clean("mini", MINI, remove=False))
    assert len(told) == 3 and told[-1].endswith("can be removed with --yes")
    assert draft.exists() and (root / "samples").exists()
    list(clean.clean("mini", MINI, remove=True))
    assert not draft.exists() and not (root / "samples").exists()
    assert (root / "scores" / "sm" / "ema" / "full" / "euler-1_w1.json").exists() and (root / "tables").exists()


@pytest.mark.rehearsal
def test_the_plan_counts_what_snakemake_counts_and_only_what_is_asked_for(monkeypatch):
    monkeypatch.chdir(ROOT)
    for targets in ([], ["results/paper/celebahq-b/tables/main.md"]):
        told = plan.plan("paper", PAPER, "h100", targets)
        command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1", *targets]
        listed = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
        total = re.search(r"^total\s+(\d+)", listed.stdout + listed.stderr, flags=re.M)[1]
        assert told.startswith(f"suite paper: {total} jobs to run\n")
    assert "imagenet" not in told.lower() and "imagenet" not in (listed.stdout + listed.stderr).lower()
    per_experiment = [int(n) for n in re.findall(r"^  [\w-]+: (\d+) jobs", told, flags=re.M)]
    downloads = int(re.search(r"in (\d+) sources", told)[1])
    assert sum(per_experiment) + downloads == int(total)


def with_training(**changes) -> config.Suite:
    """mini, whose model `odelt` is trained with other settings."""
    content = MINI.model_dump(mode="json")
    content["experiments"]["digits"]["models"]["odelt"]["training"] |= changes
    return config.parse(config.Suite, content, "mini")


OF_MINI = Job("train", "results/mini/digits/models/odelt/model.safetensors")


def test_a_moving_average_that_is_as_long_as_the_run_is_warned_of_and_stops_nothing(capsys):
    suite = with_training(ema_rate=0.999)
    doctor.start_or_exit(suite, [OF_MINI], gpu=True, packages=True)
    assert capsys.readouterr().err == (
        "odelt: warning: digits.models.odelt.training: ema_rate 0.999 averages over about 1,000 steps, and there are "
        "1,000, so the averaged weights keep 37% of what training starts from; "
        "take an ema_rate of 0.99, or more steps\n"
    )


@pytest.mark.parametrize(
    "ema_rate, steps, warned", [(0.99, 1000, False), (0.999, 100_000, False), (0.99, 200, True), (0.9999, 4000, True)]
)
def test_a_moving_average_is_warned_of_where_it_is_over_more_than_a_third_of_the_steps(capsys, ema_rate, steps, warned):
    doctor.warn(with_training(ema_rate=ema_rate, steps=steps), [OF_MINI])
    assert ("averages over" in capsys.readouterr().err) is warned


def test_nobody_is_warned_of_training_that_is_not_asked_for(capsys):
    doctor.warn(with_training(ema_rate=0.999), [TABLE])
    doctor.warn(PAPER, [TRAIN])
    doctor.warn(MINI, [OF_MINI])
    assert capsys.readouterr().err == ""

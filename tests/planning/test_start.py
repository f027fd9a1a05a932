"""What stops a workflow at its start, in one line and with exit status 2."""

import pathlib

import pytest

from odelt import config
from odelt.planning import start
from odelt.planning.doctor import Job

ROOT = pathlib.Path(__file__).parents[2]
MINI = config.load_suite(ROOT / "config" / "mini.yaml")
OF_MINI = Job("train", "results/mini/digits/models/odelt/model.safetensors")


@pytest.mark.parametrize("cores, jobs", [(0, None), (-1, None), (None, 0)])
def test_a_workflow_without_a_core_stops_and_does_not_wait(capsys, cores, jobs):
    with pytest.raises(SystemExit, match="2"):
        start.cores_or_exit(cores, jobs)
    assert "no job could ever run; type --cores all" in capsys.readouterr().err


def test_without_a_number_of_cores_the_rules_are_read_with_those_of_the_machine():
    assert start.cores_or_exit(3, None) == 3
    assert start.cores_or_exit(None, None) >= 1


@pytest.fixture
def in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_the_report_s_own_keys_are_no_misspelt_ones(in_the_project):
    told = {"verdicts": {"summary": "all of them"}, "audit": {"digest": "0"}}
    assert start.suite_or_exit({"suite": "mini", **told}) == MINI


@pytest.mark.parametrize("key", ["verdict", "audits", "suit"])
def test_a_key_that_nobody_reads_stops_the_run_whatever_it_holds(in_the_project, capsys, key):
    for value in ({}, "mini"):
        with pytest.raises(SystemExit, match="2"):
            start.suite_or_exit({"suite": "mini", key: value})
        assert capsys.readouterr().err.startswith(f"odelt: unknown configuration key '{key}'")


def test_a_report_s_key_that_somebody_types_is_refused(in_the_project, capsys):
    with pytest.raises(SystemExit, match="2"):
        start.suite_or_exit({"suite": "mini", "verdicts": "all"})
    assert "unknown configuration key 'verdicts'" in capsys.readouterr().err


def test_numbers_to_compare_with_that_are_not_there_stop_the_run(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    text = (
        (ROOT / "config" / "mini.yaml").read_text(encoding="utf-8").replace("expected/mini.yaml", "expected/mimi.yaml")
    )
    (tmp_path / "config" / "mini.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match="2"):
        start.suite_or_exit({"suite": "mini"})
    line = "config/mini.yaml: published: there is no file 'config/expected/mimi.yaml'; put it there, or name another"
    assert capsys.readouterr().err == f"odelt: {line}\n"


def test_a_moving_average_that_is_as_long_as_the_run_is_warned_of_and_stops_nothing(capsys):
    content = MINI.model_dump(mode="json")
    content["experiments"]["digits"]["models"]["odelt"]["training"]["ema_rate"] = 0.999
    suite = config.parse(config.Suite, content, "mini")
    start.start_or_exit(suite, [OF_MINI], gpu=True, packages=True)
    assert capsys.readouterr().err == (
        "odelt: warning: digits.models.odelt.training: ema_rate 0.999 averages over about 1,000 steps, and there are "
        "1,000, so the averaged weights keep 37% of what training starts from; "
        "take an ema_rate of 0.99, or more steps\n"
    )


def test_object_storage_stops_the_run_and_a_filesystem_does_not(capsys):
    for provider in (None, "none", "fs"):
        start.storage_or_exit(provider)
    with pytest.raises(SystemExit, match="2"):
        start.storage_or_exit("s3")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("odelt: --default-storage-provider s3: records") and "all machines share" in line


def test_the_cores_of_a_machine_that_only_sends_jobs_do_not_count():
    assert start.cores_or_exit(64, None, local=False) == start.cores_or_exit(None, 100, local=False)

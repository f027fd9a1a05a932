"""A workflow that stops ends with the one line that matters, in place of Snakemake's own."""

import logging

import pytest
from snakemake.exceptions import LockException, MissingRuleException, WorkflowError, print_exception
from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

from odelt.planning import last_line

KNOWN = ("only_digits", "so_far_digits", "results/tiny/digits/tables/grid.md", "results/tiny/digits/tables/main.md")


class Kept(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines += str(record.msg).splitlines()


@pytest.fixture
def said(monkeypatch):
    """The lines that Snakemake's log would show, of the suite `tiny`."""
    kept, words = Kept(), last_line.LastLine("tiny", lambda: KNOWN)
    monkeypatch.setattr(logger, "handlers", [kept])
    monkeypatch.setattr(logger, "filters", [words])
    monkeypatch.setattr(logger, "level", logging.INFO)
    monkeypatch.setattr(logger, "propagate", False)
    return kept.lines


def job_failed(log, jobid=1):
    logger.error(
        "Error in rule train", extra={"event": LogEvent.JOB_ERROR, "jobid": jobid, "rule_name": "train", "log": log}
    )


def end():
    print_exception(WorkflowError("At least one job did not complete successfully."))


@pytest.mark.parametrize(
    "target, line",
    [
        ("only_digit", "there is no target 'only_digit' in the suite 'tiny'; did you mean 'only_digits'?"),
        (
            "results/tiny/digits/tables/gird.md",
            "there is no target 'results/tiny/digits/tables/gird.md' in the suite 'tiny'; did you mean "
            "'results/tiny/digits/tables/grid.md'?",
        ),
        (
            "zzz",
            "there is no target 'zzz' in the suite 'tiny'; snakemake --list-target-rules lists those that have a name",
        ),
    ],
)
def test_an_unknown_target_is_named_with_the_nearest_one(said, target, line):
    print_exception(MissingRuleException(target))
    assert said == [f"odelt: {line}"]


def test_a_target_of_another_suite_is_told_with_the_option_for_it(said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "mini.yaml").touch()
    print_exception(MissingRuleException("results/mini/digits/tables/grid.md"))
    assert said[-1].endswith("is of the suite 'mini' and this run of 'tiny'; add --config suite=mini")


def test_a_hostile_target_is_one_printable_line(said):
    print_exception(MissingRuleException("a\n\x1b[2J\u202e" + "x" * 3_000_000))
    (line,) = said
    assert line.isprintable() and len(line) < 1000 and line.endswith("lists those that have a name")


def test_a_folder_where_another_snakemake_works_is_told_in_one_line(said):
    print_exception(LockException())
    assert said == [f"odelt: {last_line.LOCKED}"]


def test_a_failed_jobs_own_message_is_the_last_line(said, tmp_path):
    log = tmp_path / "train.log"
    log.write_text(
        "50%|##\r100%|####\nodelt: a.png is not a readable image: replace or remove it\nbye\n", encoding="utf-8"
    )
    job_failed([str(log)])
    end()
    assert said[-1] == "odelt: a.png is not a readable image: replace or remove it"


@pytest.mark.parametrize(
    "last, line", [("odelt: new\n== ended with status 2", "odelt: new"), ("", "without a message")]
)
def test_of_a_log_of_several_tries_the_last_one_counts(said, tmp_path, last, line):
    log = tmp_path / "log"
    log.write_text(
        f"\n== began on a, today\nodelt: old\n== ended with status 2\n\n== began on b, today\n{last}\n", "utf-8"
    )
    job_failed([str(log)])
    end()
    assert line in said[-1] and "old" not in said[-1] and "began" not in said[-1]


@pytest.mark.parametrize(
    "log, told", [(b"Traceback\nValueError: \x1b[2J\xff\n", "failed: 'ValueError: "), (b"", "without a message")]
)
def test_a_job_that_fails_otherwise_is_named_with_its_log(said, tmp_path, log, told):
    (tmp_path / "log").write_bytes(log)
    job_failed([str(tmp_path / "log")])
    end()
    assert said[-1].startswith("odelt: the rule train ") and told in said[-1] and said[-1].isprintable()
    assert said[-1].endswith(f"its log is {tmp_path / 'log'}")


def test_a_job_that_went_well_at_its_second_try_is_not_blamed(said, tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).write_text(f"odelt: {name}\n", encoding="utf-8")
    job_failed([str(tmp_path / "first")], jobid=1)
    logger.info("Finished", extra={"event": LogEvent.JOB_FINISHED, "job_id": 1})
    job_failed([str(tmp_path / "second")], jobid=2)
    end()
    assert said[-1] == "odelt: second"


def test_after_an_interruption_the_last_line_says_that_work_is_kept(said):
    logger.info("Terminating processes on user request, this might take some time.")
    job_failed([])
    end()
    assert said[-1] == f"odelt: {last_line.INTERRUPTED}"


def test_an_interruption_that_snakemake_drops_comes_again_until_it_ends(said):
    (words,) = logger.filters
    with pytest.raises(SystemExit, match=last_line.INTERRUPTED):
        words.stop()
    with pytest.raises(SystemExit, match=last_line.INTERRUPTED):
        logger.info("Job stats")
    logger.info("Terminating processes on user request, this might take some time.")
    logger.info("Shutting down")
    assert said[-1] == "Shutting down"


def test_other_messages_of_snakemake_are_left_alone(said):
    print_exception(WorkflowError("Something else."))
    assert said[-1] == "Something else."

"""The last line of a workflow that stops: what happened and what to do, alone.

Snakemake ends with the text of an exception. A filter on its log puts our line in the place of those that users meet.
"""

import logging
import pathlib
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from snakemake.io import apply_wildcards, contains_wildcard
from snakemake_interface_logger_plugins.common import LogEvent

from odelt.config import nearest
from odelt.layout import paths
from odelt.machine import process
from odelt.quoting import LONGEST_MESSAGE, printable, quoted

INTERRUPTED = "interrupted; what is finished is kept, and the same command goes on"
LOCKED = "another Snakemake is making the same files in this folder; wait for it or stop it, and type the command again"
STOPPING = ("Terminating processes on user request", "Will exit after finishing currently running jobs")
FAILED = "At least one job did not complete successfully."
END_OF_LOG = 1 << 16  # bytes


class LastLine(logging.Filter):
    """Follows Snakemake's messages in the main process, and replaces the last one.

    Args:
        suite: the configured suite's name.
        known: gives all targets that Snakemake could make; called when one is not known.
    """

    def __init__(self, suite: str, known: Callable[[], Iterable[str]]):
        super().__init__()
        self._suite, self._known = suite, known
        self._interrupted = self._stopping = False
        self._failed: dict[int, tuple[str, Sequence[str]]] = {}  # by job: its rule and its logs

    def stop(self, *_) -> None:
        """Ends this process at a signal; Python prints the line when everything else has ended."""
        self._stopping = True
        sys.unraisablehook = lambda _: None  # what was being made, an event loop say, complains when it is collected
        raise SystemExit(f"odelt: {INTERRUPTED}")

    def filter(self, record: logging.LogRecord) -> bool:
        event, message = getattr(record, "event", None), str(record.msg)
        details: Any = record  # Snakemake's records have more attributes, which depend on the event
        if event == LogEvent.JOB_ERROR:
            self._failed[details.jobid] = details.rule_name, details.log
        elif event == LogEvent.JOB_FINISHED:  # at a second try
            self._failed.pop(details.job_id, None)
        elif message.startswith(STOPPING):
            self._interrupted, self._stopping = True, False
        elif self._stopping and threading.current_thread() is threading.main_thread():
            self.stop()  # Snakemake drops an interruption that comes while it writes a message
        elif event == LogEvent.ERROR and (line := self._line(details.exception, message)):
            record.msg = printable(f"odelt: {line}")
        return True

    def _line(self, exception: str, message: str) -> str | None:
        """Returns our line for Snakemake's message of this exception; None if Snakemake's own is good enough."""
        if exception == "LockException":
            return LOCKED
        if exception == "WorkflowError" and message.endswith(FAILED):
            return INTERRUPTED if self._interrupted else self._failure()
        if exception == "MissingRuleException" and (match := re.search("No rule to produce (.*) \\(if", message, re.S)):
            return unknown_target(match[1], self._suite, self._known())
        if exception == "MissingInputException" and (match := re.search(r"affected files:\s+(.+)", message)):
            rule = re.search(r"for rule (\w+)", message)
            needs = f"the rule {rule[1]} needs" if rule else "is needed"
            made = nearest(match[1], self._known()) if match[1].startswith("results/") else ""
            return f"the file {quoted(match[1])} is missing, which {needs}{made or '; put it there'}"
        return None

    def _failure(self) -> str | None:
        """What the first job that failed says."""
        if not self._failed:
            return None
        (rule, logs), *others = self._failed.values()
        more = f" (more jobs failed, {len(others)}: see above)" if others else ""
        where = f"its log is {' '.join(logs)}" if logs else "it has no log"
        said = last_words(logs)
        if not said:
            return f"the rule {rule} stopped without a message, as where it is killed; {where}{more}"
        ours = said.removeprefix("odelt: ")
        return f"{ours}{more}" if ours != said else f"the rule {rule} failed: {quoted(said)}; {where}{more}"


def last_words(logs: Iterable[str]) -> str:
    """The last message of ours in a job's logs, else their last line; empty where there is none.

    Of each log what the last try wrote counts.
    """
    lines: list[str] = []
    for log in map(pathlib.Path, logs):
        if log.is_file():
            with log.open("rb") as file:
                file.seek(max(0, log.stat().st_size - END_OF_LOG))
                tries = f"\n{file.read().decode(errors='replace')}".split(f"\n{process.BEGAN}")
                lines += [line.strip() for line in tries[-1].splitlines()[len(tries) > 1 :] if line.strip()]
    lines = [line for line in lines if not line.startswith(process.MARK)]
    ours = [line for line in lines if line.startswith("odelt: ")]
    return printable((ours or lines or [""])[-1], LONGEST_MESSAGE // 2)


def unknown_target(target: str, suite: str, known: Iterable[str]) -> str:
    """Returns the line that says that this suite has no such target, and names the nearest one."""
    parts = pathlib.PurePath(target).parts
    other = parts[1] if len(parts) > 2 and parts[0] == paths.RESULTS else suite
    if other in {path.stem for path in pathlib.Path("config").glob("*.yaml")} - {suite}:
        return f"{quoted(target)} is of the suite '{other}' and this run of '{suite}'; add --config suite={other}"
    hint = nearest(target, known) or "; snakemake --list-target-rules lists those that have a name"
    return f"there is no target {quoted(target)} in the suite '{suite}'{hint}"


def targets(rules: Iterable) -> set[str]:
    """Rules and files that Snakemake could make: those that are written out, and those that they lead to."""
    rules = list(rules)
    waiting = [file for rule in rules for file in _files(rule) if not contains_wildcard(file)]
    generic = [rule for rule in rules if rule.has_wildcards()]
    known: set[str] = set()
    while waiting:
        file = waiting.pop()
        if file in known:
            continue
        known.add(file)
        for rule in generic:
            if rule.is_producer(file):
                values = rule.get_wildcards(file)
                waiting += [str(apply_wildcards(other, values)) for other in _files(rule)]
    return known | {rule.name for rule in rules}


def _files(rule) -> list[str]:
    """Its inputs and outputs, without those that a function gives."""
    return [file for file in (*rule.input, *rule.output) if isinstance(file, str)]


def install(logger: logging.Logger, suite: str, workflow) -> None:
    """Words the last line of the process that runs this workflow, and ends it at Ctrl-C without a traceback."""
    words = LastLine(suite, lambda: targets(workflow.rules))
    logger.addFilter(words)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, words.stop)

"""The checks that stop a workflow at its start: one line on stderr and exit status 2."""

import os
import pathlib
import sys
from collections.abc import Iterable, Sequence

from odelt.config import CONFIG, Suite, nearest, suite_named
from odelt.config.latency_study import LatencyStudy, load_latency_study
from odelt.config.registry import Registry, load_registry
from odelt.errors import OdeltError
from odelt.layout import paths
from odelt.machine import alive
from odelt.plain_data import read_yaml
from odelt.planning import doctor
from odelt.quoting import quoted
from odelt.results.references import load_references

CONFIG_KEYS = ("suite", "latency")
REMOTE_CORES = 8  # of a cluster's node that a job may take
REPORT_KEYS = ("verdicts", "audit")  # files that the rule `report` hands to the report's first page


def suite_or_exit(config: dict, files: Iterable[str] = ()) -> Suite:
    """The suite that the workflow's configuration names; one line and exit status 2 where that is not valid.

    `files` are those that Snakemake read the configuration from: they are read again, with our limits.
    """
    try:
        for file in files:
            read_yaml(file, "configuration")
        for key, value in config.items():
            if key not in CONFIG_KEYS and not (key in REPORT_KEYS and isinstance(value, dict)):
                raise OdeltError(f"unknown configuration key {quoted(key)}{nearest(key, CONFIG_KEYS)}")
        suite = suite_named(str(config.get("suite")))
        _check_named_files(config["suite"], suite)
        load_references(suite.published)
        _check_locale(suite)
        return suite
    except OdeltError as error:
        print(f"odelt: {error}", file=sys.stderr)
        sys.exit(2)


def has_claims(suite: Suite) -> bool:
    """Whether an abstract claims anything of the suite's experiments."""
    return bool(load_references(suite.published).claims_of(suite.enabled))


def enter_or_exit() -> None:
    """Prepares the process that runs a workflow here; one line and exit status 2 where it cannot write here."""
    try:
        alive.enter(alive.FOLDER)
    except OSError as error:
        print(f"odelt: cannot write {alive.FOLDER.absolute()}: {error.strerror}; change its owner", file=sys.stderr)
        sys.exit(2)


def storage_or_exit(provider: str | None) -> None:
    """One line and exit status 2 where files would go to object storage (Snakemake's --default-storage-provider).

    Records are next to the outputs, and model directories are parameters: Snakemake would upload neither.
    """
    if provider not in (None, "none", "fs"):
        print(
            f"odelt: --default-storage-provider {provider}: records and model directories would be lost there; leave "
            "it out, and keep the results on a filesystem that all machines share",
            file=sys.stderr,
        )
        sys.exit(2)


def cores_or_exit(cores: int | None, jobs: int | None, local: bool = True) -> int:
    """The cores that the workflow shares among its jobs, at least 1; one line and exit status 2 where there are none.

    `cores` and `jobs` are Snakemake's --cores and --jobs, None where they are not given: not every call needs them
    (--summary, --unlock, --dag), and the rules are read all the same, with the cores of this machine. Where the jobs do
    not run here (`local`), the cores of this machine do not count.
    """
    for option, number in (("--cores", cores), ("--jobs", jobs)):
        if number is not None and number < 1:
            print(f"odelt: {option} {number}: no job could ever run; type --cores all, or a number", file=sys.stderr)
            sys.exit(2)
    return (cores or os.cpu_count() or 1) if local else REMOTE_CORES


def _check_named_files(name: str, suite: Suite) -> None:
    """Raises OdeltError if a file that the suite names does not exist."""
    own, named = CONFIG / f"{name}.yaml", {"published": suite.published}
    if paths.sources_of(suite):
        named["downloads.registry"] = suite.downloads.registry
    for key, path in named.items():
        if not pathlib.Path(path).is_file():
            known = sorted(str(file) for file in pathlib.Path(path).parent.glob("*.yaml") if file != own)
            hint = nearest(path, known) or "; put it there, or name another"
            raise OdeltError(f"{own}: {key}: there is no file {quoted(path)}{hint}")


def _check_locale(suite: Suite) -> None:
    """OdeltError where a text of the suite cannot be part of a command or a path in this locale."""
    dataset_paths = {f"the path of dataset {name}": dataset.path for name, dataset in suite.datasets.items()}
    for what, text in {"downloads.note": suite.downloads.note, **dataset_paths}.items():
        try:
            os.fsencode(text or "")
        except UnicodeEncodeError:
            raise OdeltError(
                f"{what}: this locale lacks a character of {quoted(text)}; type: export LC_ALL=C.UTF-8"
            ) from None


def latency_study_or_exit(path: str) -> LatencyStudy:
    """The latency study in this file; one line and exit status 2 where that is not valid."""
    try:
        return load_latency_study(path)
    except OdeltError as error:
        print(f"odelt: {error}", file=sys.stderr)
        sys.exit(2)


def registry_or_exit(suite: Suite) -> Registry | None:
    """The registry of the suite's downloads, if there are any; each of them is in it."""
    names = paths.sources_of(suite)
    if not names:
        return None
    try:
        registry = load_registry(suite.downloads.registry)
        for name in names:
            registry[name]
    except OdeltError as error:
        print(f"odelt: {error}", file=sys.stderr)
        sys.exit(2)
    return registry


def start_or_exit(suite: Suite, jobs: Sequence[doctor.Job], *, gpu: bool, packages: bool) -> None:
    """Warns, and stops a run before its first job with the list of what is missing and exit status 2."""
    doctor.warn(suite, jobs)
    lines = doctor.missing(suite, jobs, gpu=gpu, packages=packages)
    for line in lines:
        print(f"odelt: {line}", file=sys.stderr)
    if lines:
        sys.exit(2)

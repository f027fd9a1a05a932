"""Whether a cluster can run the workflow: checked by `odelt doctor --profile slurm` before days of compute."""

import importlib.metadata
import pathlib
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from odelt.config import nearest
from odelt.errors import OdeltError
from odelt.machine import locks
from odelt.plain_data import read_yaml
from odelt.quoting import one_line, quoted

PLUGIN = "snakemake-executor-plugin-slurm"
PROFILES = pathlib.Path("profiles")
PROGRAMS = ("sbatch", "squeue", "sinfo", "scancel")
EXAMPLE = "ACCOUNT"  # the account in the profile until it is edited
ANSWER_SECONDS = 30  # that a program of SLURM may take


def missing(profile: str, folder: pathlib.Path = pathlib.Path()) -> list[str]:
    """Returns a line for each thing that the profile `profiles/<profile>` lacks here, with the remedy.

    `folder` is where the workflow runs.

    Raises:
        OdeltError: there is no such profile, or its files are no valid YAML.
    """
    path = PROFILES / profile / "config.yaml"
    if not path.is_file():
        known = sorted(file.parent.name for file in PROFILES.glob("*/config.yaml"))
        raise OdeltError(f"there is no profile {quoted(profile)}{nearest(profile, known) or f' in {PROFILES}'}")
    settings = _mapping(path, "profile")
    problems = []
    try:
        importlib.metadata.version(PLUGIN)
    except importlib.metadata.PackageNotFoundError:
        problems.append(f"the package {PLUGIN} is not installed; type: make env-full, and use .venv-full")
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    if absent:
        problems.append(f"{', '.join(absent)}: not there; run the workflow where SLURM's programs are, on a login node")
    else:
        problems += _of_accounting(settings, path)
        problems += _of_partitions(settings)
    if not locks.work_in(folder):
        problems.append(f"no locks in {folder.absolute()}: mount it with flock, or run one Snakemake at a time here")
    return problems


def _of_accounting(settings: Mapping[str, Any], path: pathlib.Path) -> list[str]:
    problems = []
    account = (settings.get("default-resources") or {}).get("slurm_account")
    if account == EXAMPLE and not settings.get("slurm-no-account"):
        problems.append(f"{path}: slurm_account is still {EXAMPLE}; write your account, or set slurm-no-account: true")
    said = _answer("sacct", "--allocations", "--noheader", "--starttime", "now")
    if isinstance(said, OdeltError) and settings.get("slurm-status-command") != "squeue":
        problems.append(f"{said}: Snakemake would wait for ever; set slurm-status-command: squeue in {path}")
    return problems


def _of_partitions(settings: Mapping[str, Any]) -> list[str]:
    file = settings.get("slurm-partition-config")
    if file is None:
        return []
    known = _answer("sinfo", "--noheader", "--format", "%R")
    if isinstance(known, OdeltError):
        return [f"{known}; ask who runs the cluster"]
    named = _mapping(file, "list of partitions").get("partitions") or {}
    others = f"; known are {', '.join(known)}"
    return [
        f"{file}: there is no partition {quoted(name)}{nearest(name, known) or others}"
        for name in named
        if name not in known
    ]


def _mapping(path: str | pathlib.Path, what: str) -> Mapping[str, Any]:
    content = read_yaml(path, what)
    if not isinstance(content, Mapping):
        raise OdeltError(f"{path}: a {what} is keys with values, and this is not")
    return content


def _answer(*command: str) -> Sequence[str] | OdeltError:
    """The lines that a program of SLURM prints, or what is wrong with it."""
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=ANSWER_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        return OdeltError(f"{command[0]} does not answer ({quoted(one_line(said))})")
    return done.stdout.split()

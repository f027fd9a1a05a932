"""Before the first job: is the configuration valid, is anything missing here, what will it cost."""

import fcntl
import os
import pathlib
import sys

import yaml

from odelt.config import Suite, load_suite, nearest
from odelt.errors import OdeltError

CONFIG = pathlib.Path("config")
CONFIG_KEYS = ("suite",)


def suite_or_exit(config: dict) -> Suite:
    """The suite that the workflow's configuration names; one line and exit status 2 where that is not valid."""
    try:
        for key in config:
            if key not in CONFIG_KEYS:
                raise OdeltError(f"unknown configuration key '{key}'{nearest(key, CONFIG_KEYS)}")
        return configured_suite(config.get("suite"))
    except OdeltError as error:
        print(f"odelt: {error}", file=sys.stderr)
        sys.exit(2)


def configured_suite(name: str | None = None) -> Suite:
    """The suite of this name, or the one that `config/config.yaml` names."""
    if name is None:
        try:
            name = yaml.safe_load((CONFIG / "config.yaml").read_text())["suite"]
        except (OSError, TypeError, KeyError, yaml.YAMLError):
            raise OdeltError(f"{CONFIG / 'config.yaml'} does not name a suite; start in the project's folder") from None
    return load_suite(CONFIG / f"{name}.yaml")


_claim = None  # open while this process lives


def enter(folder: pathlib.Path) -> None:
    """Prepares the process that runs a workflow, whose own files are in `folder` (.snakemake).

    Jobs find this environment's programs, also where the environment is not activated. And no lock of a dead Snakemake
    stands in the way: every workflow process holds a shared lock on a file of ours, which the kernel takes back
    however it ends. Who can lock it exclusively for a moment is the only one alive, so that Snakemake's own lock files
    are leftovers.
    """
    os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    global _claim
    folder.mkdir(exist_ok=True)
    _claim = (folder / "alive").open("w")
    try:
        fcntl.flock(_claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pass
    else:
        for lock in (folder / "locks").glob("*.lock"):
            lock.unlink(missing_ok=True)
    fcntl.flock(_claim, fcntl.LOCK_SH)

"""Whether a workflow lives in this folder: by a lock that the kernel takes back however its process ends."""

import os
import pathlib
import sys

from odelt.machine import locks, surroundings
from odelt.machine.locks import hold

FOLDER = pathlib.Path(".snakemake")
NAME = "alive"
_claim = None  # open while this process lives


def enter(folder: pathlib.Path) -> None:
    """Prepares the process that runs a workflow, whose own files are in `folder` (.snakemake).

    Jobs find this environment's programs, also where the environment is not activated or there is no PATH at all, and
    Snakemake finds a name of the user. And no lock of a dead Snakemake
    stands in the way: every workflow process holds a shared lock on a file of ours. Who can lock it exclusively for a
    moment is the only one alive, so that Snakemake's own lock files are leftovers.

    Raises:
        OSError: the folder cannot be written.
    """
    os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
    surroundings.name_the_user()
    global _claim
    folder.mkdir(exist_ok=True)
    _claim = (folder / NAME).open("w", encoding="utf-8")
    if hold(_claim) and locks.work_in(folder):
        for left in (folder / "locks").glob("*.lock"):
            left.unlink(missing_ok=True)
    hold(_claim, wait=True, shared=True)


def is_alive() -> bool:
    """Whether a workflow process lives in the working folder."""
    try:
        with (FOLDER / NAME).open("r+", encoding="utf-8") as file:
            return not hold(file)
    except OSError:  # none has ever been here
        return False

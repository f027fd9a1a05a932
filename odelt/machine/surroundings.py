"""What a process needs of the machine around it, apart from devices: a home, folders that can be written, a shell.

Libraries ask for these in the middle of their work. `doctor` names what is missing first, with its remedy.
"""

import os
import pathlib
import pwd
import shutil
import tempfile

from odelt.quoting import quoted

USER_VARIABLES = ("LOGNAME", "USER", "LNAME", "USERNAME")  # that Python's getpass reads, before the list of users
TEMPORARY = ("TMPDIR", "TEMP", "TMP")  # that Python's tempfile reads


def cache() -> pathlib.Path | None:
    """Returns the folder of this user's caches, which may not exist yet; None for a user without a home."""
    if folder := os.environ.get("XDG_CACHE_HOME"):
        return pathlib.Path(folder)
    home = os.path.expanduser("~")
    return None if home == "~" else pathlib.Path(home, ".cache")


def can_be_written(folder: pathlib.Path) -> bool:
    """Whether files can be made in a folder, or the folder itself where it is not there yet."""
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.exists(path))
    return os.path.isdir(there) and os.access(there, os.W_OK | os.X_OK)


def name_the_user() -> None:
    """Gives a user who is in no list of users (a container's) a name, for libraries that ask for it: the number."""
    if not any(os.environ.get(variable) for variable in USER_VARIABLES):
        try:
            pwd.getpwuid(os.getuid())
        except KeyError:
            os.environ["LOGNAME"] = str(os.getuid())


def missing() -> list[str]:
    """Returns a line for each thing that this process lacks, with the remedy."""
    problems = []
    folder = cache()
    if os.path.expanduser("~") == "~":
        problems.append(
            f"HOME is not set, and no list of users has user {os.getuid()}: set HOME to a folder that you can write"
        )
    elif folder and not can_be_written(folder):
        problems.append(
            f"{quoted(folder)} cannot be written, where Snakemake and JAX keep their caches:"
            " set XDG_CACHE_HOME to a folder that you can write"
        )
    if shutil.which("bash") is None:
        path = quoted(os.environ.get("PATH", ""))
        problems.append(f"PATH is {path} and has no bash, which runs the jobs: add its folder, such as /bin")
    return problems + _missing_temporary()


def _missing_temporary() -> list[str]:
    """Returns a line if there is no folder for temporary files, or if the first variable that is set names none.

    In that case Python would use another folder, perhaps on a smaller disk.
    """
    for variable in TEMPORARY:
        if folder := os.environ.get(variable):
            if os.path.isdir(folder) and can_be_written(pathlib.Path(folder)):
                return []
            wrong = f"{variable} names {quoted(folder)}, which is no folder that can be written"
            return [f"{wrong}: make it, or set {variable} to another"]
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        return ["no folder for temporary files can be written (/tmp, /var/tmp): set TMPDIR to one that can"]
    return []

"""Locks of files, which the kernel takes back however their process ends; on a cluster's filesystem too, or without."""

import errno
import fcntl
import pathlib
import tempfile
from typing import IO

ABSENT = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # errors of a filesystem without locks


def hold(file: IO | int, *, wait: bool = False, shared: bool = False) -> bool:
    """Whether this process may use the file: no other one holds its lock. With `wait` it waits for that.

    The file is open for writing, which NFS wants. Where the filesystem has no locks the answer is yes; `odelt doctor`
    warns of that.

    Raises:
        OSError: the file cannot be locked for another reason.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(file, kind if wait else kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in ABSENT:
            raise
    return True


def work_in(folder: pathlib.Path) -> bool:
    """Whether a lock of a file in this folder keeps another process out."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".lock") as file, open(file.name, "r+b") as other:
        return hold(file.fileno()) and not hold(other)

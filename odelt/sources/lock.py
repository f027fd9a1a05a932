"""The lock: the sha256 that each downloaded file must have, and who vouches for it.

The first download records a digest that nobody has recorded yet, and marks it. A person vouches for the digest by
deleting that mark; the lock file's own header says how.
"""

import contextlib
import datetime
import os
import pathlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal, NamedTuple, NoReturn

import pydantic
import yaml

from odelt import files
from odelt.config import Name, Positive, Section, parse
from odelt.errors import OdeltError
from odelt.machine.locks import hold
from odelt.plain_data import read_yaml

FIRST_USE = "first use"
VERIFIED, TRUSTED_ON_FIRST_USE = "verified", "recorded on first use"
HEADER = "# The digests (sha256) of everything that is downloaded; config/sources.lock.yaml explains the keys.\n"

Digest = Annotated[str, pydantic.Field(pattern=r"^[0-9a-f]{64}$")]


class LockedFile(Section):
    """The recorded facts of one file: its sha256, or the beginning of it, if only that is published."""

    sha256: Digest | None = None
    sha256_prefix: Annotated[str, pydantic.Field(pattern=r"^[0-9a-f]{8,63}$")] | None = None
    bytes: Positive | None = None
    recorded: Literal["first use"] | None = None
    date: str | None = None
    told_by: str | None = pydantic.Field(default=None, alias="from")

    @pydantic.model_validator(mode="after")
    def _one_digest(self):
        if (self.sha256 is None) == (self.sha256_prefix is None):
            raise ValueError("a file has exactly one of sha256 and sha256_prefix")
        return self

    def admits(self, digest: str) -> bool:
        known = self.sha256 or self.sha256_prefix
        assert known is not None  # a file has exactly one of the two
        return digest.startswith(known)

    def __str__(self) -> str:
        return self.sha256 or f"{self.sha256_prefix}…"


class Lock(Section):
    """The content of `config/sources.lock.yaml`: for each source its files, by their paths within it."""

    sources: dict[Name, dict[str, LockedFile]] = pydantic.Field(default_factory=dict)

    def of(self, name: str) -> dict[str, LockedFile]:
        """Returns the records of a source's files; empty if there are none."""
        return self.sources.get(name, {})


class FileContent(NamedTuple):
    """The content of a file on disk."""

    sha256: str
    bytes: int


def load_lock(path: str | pathlib.Path) -> Lock:
    """Reads and checks a lock. A missing file is an empty lock."""
    if not pathlib.Path(path).exists():
        return Lock()
    raw = read_yaml(path, "lock of sources") or {}
    if isinstance(raw, dict) and raw.get("sources") is None:
        raw = {**raw, "sources": {}}
    return parse(Lock, raw, str(path))


def find(path: str | pathlib.Path) -> FileContent:
    """Returns digest and size (bytes) of a file."""
    return FileContent(files.digest(path), pathlib.Path(path).stat().st_size)


def refuse(name: str, where: str | pathlib.Path, unrecorded: Iterable[str] = ()) -> NoReturn:
    """Raises the error of a strict fetch for files without a recorded digest."""
    raise OdeltError(
        f"{name}: no digest of {', '.join(unrecorded) or 'it'} is recorded in {where}, and a strict fetch records "
        "none; fetch it once without strict, compare the digest and commit the file"
    )


def differences(lock: Lock, name: str, received: Mapping[str, FileContent]) -> list[str]:
    """Returns the files whose digest differs from the recorded one, in order."""
    known = lock.of(name)
    return [file for file in sorted(received) if file in known and not known[file].admits(received[file].sha256)]


def record(path: str | pathlib.Path, name: str, received: Mapping[str, FileContent], date: datetime.date) -> None:
    """Writes the files that have no record yet into the lock, marked as recorded on first use.

    It writes atomically, and waits for other writers, because fetch jobs run in parallel. It keeps the comments above
    the first key.

    Raises:
        OdeltError: another process recorded another digest meanwhile, or the file cannot be written.
    """
    path = pathlib.Path(path)
    with _one_writer(path):
        lock = load_lock(path)
        for file in differences(lock, name, received):
            raise OdeltError(
                f"{name}: {file} has sha256 {received[file].sha256}, and another fetch has just recorded "
                f"{lock.of(name)[file]} in {path}; fetch it again, and delete the record where that is wrong"
            )
        fresh = {file: received[file] for file in sorted(received.keys() - lock.of(name).keys())}
        if fresh:
            files.write_text(path, _text(path, lock, name, fresh, date))


def trusted(lock: Lock, name: str) -> Literal["verified", "recorded on first use"]:
    """Returns how far the digests of a source can be trusted.

    They are "recorded on first use" as long as one of its files has the mark `recorded: first use`.

    Raises:
        OdeltError: the source has no records.
    """
    if not lock.of(name):
        raise OdeltError(f"{name}: no digest of it is recorded in the lock; fetch it first")
    return TRUSTED_ON_FIRST_USE if any(r.recorded for r in lock.of(name).values()) else VERIFIED


def _text(path: pathlib.Path, lock: Lock, name: str, fresh: Mapping[str, FileContent], date: datetime.date) -> str:
    for file, (sha256, size) in fresh.items():
        entry = LockedFile(sha256=sha256, bytes=size, recorded=FIRST_USE, date=date.isoformat())
        lock.sources.setdefault(name, {})[file] = entry
    content = lock.model_dump(exclude_none=True, by_alias=True)["sources"]
    ordered = {source: dict(sorted(records.items())) for source, records in sorted(content.items())}
    return _header(path) + yaml.safe_dump({"sources": ordered}, sort_keys=False, allow_unicode=True, width=1000)


def _header(path: pathlib.Path) -> str:
    """Returns the comments above the first key, which a YAML writer would lose."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if not lines:
        return HEADER
    kept = next((k for k, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
    return "".join(lines[:kept])


@contextlib.contextmanager
def _one_writer(path: pathlib.Path) -> Iterator[None]:
    """Waits for the other writers of the lock file. The claim ends with the process, however that ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = _claimed(path)
    except OSError as error:
        raise OdeltError(f"cannot write {path}: {error.strerror}") from None
    try:
        yield
    finally:
        os.close(handle)


def _claimed(path: pathlib.Path) -> int:
    """Claims the file that has this name now. The writer before us may have replaced it."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        hold(handle, wait=True)
        if path.exists() and os.path.samestat(os.fstat(handle), path.stat()):
            return handle
        os.close(handle)

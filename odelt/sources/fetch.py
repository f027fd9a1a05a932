"""Fetching a source of the registry: downloaded or taken from files fetched by hand, verified, then put in place."""

import contextlib
import datetime
import functools
import os
import pathlib
import re
import shutil
from collections.abc import Iterator
from unittest import mock

from odelt import files, trace
from odelt.config import Downloads
from odelt.config.registry import HubFiles, Source, load_registry
from odelt.errors import OdeltError
from odelt.machine.locks import hold
from odelt.sources import lock as locks
from odelt.sources.lock import FileContent, Lock
from odelt.sources.retrying import persistently, tell

# What requests (gdown) and httpx (the hub) read, in the spellings of both.
PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy")
CERTIFICATE_VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
TELEMETRY_OFF = {"HF_HUB_DISABLE_TELEMETRY": "1"}  # read when the hub library is imported, which is inside the block
HTML = re.compile(rb"\s*(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html|head)\b", re.IGNORECASE | re.DOTALL)


def fetch(name: str, out: pathlib.Path, settings: Downloads) -> None:
    """Puts the source `name` at `out`: a file, or a directory of plain files if the source is on the hub.

    Received files stay in the hidden directory `.<name of out>.partial` next to `out` until their digests are verified
    against the lock. A later process continues them. A file `by_hand/<file>` (or the directory `by_hand/<name>`)
    replaces a download, by the same rules. A digest that nobody has recorded is recorded in the lock; `strict` refuses
    that.

    Raises:
        OdeltError: the source cannot be fetched or is not what the lock records. `out` is unchanged. Received files are
            kept, unless they are wrong.
    """
    lock, strict = pathlib.Path(settings.lock), settings.strict
    source, known = load_registry(settings.registry)[name], locks.load_lock(lock)
    files.require_free(out, folder=source.hub is not None)
    if strict and not known.of(name):
        locks.refuse(name, lock)
    if _is_there(known, name, out, source):
        tell(f"{name}: {out} is there and has the recorded sha256; nothing is fetched")
        trace.made(out)
        return
    tell(f"{name}: {source.what}. Licence: {source.licence}")
    with _workplace(out) as work:
        hand = _by_hand(pathlib.Path(settings.by_hand), name, source)
        if hand:
            _take(hand, work, source)
        else:
            with network(settings.proxy, settings.certificate):
                _download(source, work, name)
        received = _files(work)
        _verify(known, name, received, work, f"fetched by hand ({hand})" if hand else f"from {source.address}", lock)
        fresh = sorted(received.keys() - known.of(name).keys())
        if fresh and strict:
            locks.refuse(name, lock, fresh)
        if fresh:
            locks.record(lock, name, received, datetime.date.today())
            tell(f"{name}: sha256 of {', '.join(fresh)} recorded on first use; commit {lock}")
        _put(work, out, source)


@contextlib.contextmanager
def network(proxy: str | None, certificate: str | None) -> Iterator[None]:
    """Sets the environment variables that the download libraries read, for this process while the block runs.

    `certificate` is a PEM file of the authority to trust. Without one of the two, the user's own variables apply.
    """
    if certificate is not None and not pathlib.Path(certificate).is_file():
        raise OdeltError(f"there is no certificate {certificate}; name a PEM file with the authority to trust")
    settings = TELEMETRY_OFF | (dict.fromkeys(PROXY_VARIABLES, proxy) if proxy else {})
    settings |= dict.fromkeys(CERTIFICATE_VARIABLES, certificate) if certificate else {}
    with mock.patch.dict(os.environ, settings):
        yield


def _download(source: Source, work: pathlib.Path, name: str) -> None:
    # The libraries are imported here: they read some of the environment variables when they are imported.
    try:
        if source.hub:
            from odelt.sources import hub

            download = functools.partial(hub.download, source.hub)
        elif source.drive:
            from odelt.sources import drive

            download = functools.partial(drive.download, source.drive)
        else:
            from odelt.sources import https

            assert source.url is not None  # a source has exactly one of the three
            download = functools.partial(https.download, source.url)
    except ModuleNotFoundError as error:
        raise OdeltError(f"{name}: fetching needs the package {error.name}; `make env-full` installs it") from None
    out = work if source.file is None else work / source.file
    with _user_errors(name, work):
        persistently(lambda: download(out, name), name)


def _by_hand(folder: pathlib.Path, name: str, source: Source) -> pathlib.Path | None:
    """Returns the file or directory that the user fetched by hand for this source, if there is one."""
    path = folder / (source.file or name)
    if not source.hub:
        files.require_regular(path, "what was fetched by hand")
    return path if path.exists() else None


def _take(hand: pathlib.Path, work: pathlib.Path, source: Source) -> None:
    """Copies the user's files. Links would change with them."""
    tell(f"{hand} was fetched by hand; it is copied and nothing is downloaded")
    with _user_errors(str(hand), work):
        shutil.rmtree(work)
        for file in [hand / path for path in _by_pattern(hand, source.hub)] if source.hub else [hand]:
            files.require_regular(file, "fetched by hand")
            to = files.inside(work, file.relative_to(hand) if source.hub else file.name)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, to)


def _by_pattern(hand: pathlib.Path, hub: HubFiles) -> list[pathlib.Path]:
    """Returns the files of a directory that match the patterns of a hub source, relative to the directory."""
    if not hand.is_dir():
        raise OdeltError(f"{hand} is a file; this source is a directory with {', '.join(hub.files)}")
    paths: set[pathlib.Path] = set()
    for pattern in hub.files:
        matching = {path.relative_to(hand) for path in hand.glob(pattern) if path.is_file()}
        if not matching:
            raise OdeltError(f"{hand} has no file {pattern}; fetch it too ({hub.address}), or move {hand} away")
        paths |= matching
    return sorted(paths)


def _verify(
    known: Lock, name: str, received: dict[str, FileContent], work: pathlib.Path, where: str, lock: pathlib.Path
) -> None:
    """Raises OdeltError if a web page was saved as a file, or if a digest is not the recorded one.

    It deletes the wrong file. The other files of a directory stay for the next run.
    """
    for file, content in received.items():
        with (work / file).open("rb") as opened:
            page = HTML.match(opened.read(2048))
        if page or not content.bytes:
            (work / file).unlink()
            raise OdeltError(
                f"{name}: {file}, {where}, is {'a web page and not the file' if page else 'empty'} (a notice of a used "
                f"up quota, of a virus scan?); try again tomorrow, or fetch it in a browser into the folder of files "
                "fetched by hand"
            )
    for file in locks.differences(known, name, received):
        (work / file).unlink()
        raise OdeltError(
            f"{name}: {file}, {where}, has sha256 {received[file].sha256}, but {lock} records {known.of(name)[file]}: "
            "it was damaged or exchanged; fetch it again, and if it stays so, ask who published it before you "
            "change the record"
        )
    for file in sorted(known.of(name).keys() - received.keys()):
        raise OdeltError(f"{name}: {lock} records a file {file}, which is not among those {where}; was it renamed?")


def _put(work: pathlib.Path, out: pathlib.Path, source: Source) -> None:
    """Moves the verified files to `out`. An earlier `out` has other contents, and is replaced."""
    if out.exists():
        tell(f"{out} was there with other contents and is replaced")
    with _user_errors(str(out), work):
        for file in _files_in(work):
            shutil.copymode(work.parent / "claim", file)  # the user's mask; gdown's files are private
            os.utime(file)  # made now, whatever the server says: the workflow compares ages
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
        if source.hub and out.exists():
            out.replace(work.parent / "replaced")
        (work if source.file is None else work / source.file).replace(out)
    trace.made(out)


def _is_there(known: Lock, name: str, out: pathlib.Path, source: Source) -> bool:
    """Whether `out` has exactly the recorded files with the recorded digests."""
    if not out.exists() or not known.of(name):
        return False
    present = _files(out) if out.is_dir() else {source.file: locks.find(out)}
    # Snakemake leaves a hidden file in a folder that it made.
    present = {file: content for file, content in present.items() if not file.startswith(".")}
    return not (locks.differences(known, name, present) or present.keys() ^ known.of(name).keys())


def _files(folder: pathlib.Path) -> dict[str, FileContent]:
    return {file.relative_to(folder).as_posix(): locks.find(file) for file in _files_in(folder)}


def _files_in(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(path for path in files.below(folder) if path.is_file())


@contextlib.contextmanager
def _workplace(out: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields the hidden directory next to `out` for unverified files. One process at a time uses it.

    It stays if it holds any files.
    """
    partial = out.with_name(f".{out.name}.partial")
    with _user_errors(str(out), out):
        (partial / "files").mkdir(parents=True, exist_ok=True)
        claim = os.open(partial / "claim", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        with _user_errors(str(out), out):
            is_ours = hold(claim)
        if not is_ours:
            raise OdeltError(f"another process is fetching {out}; wait for it")
        try:
            yield partial / "files"
        finally:
            if not (partial / "files").exists() or not _files_in(partial / "files"):
                shutil.rmtree(partial)
    finally:
        os.close(claim)


@contextlib.contextmanager
def _user_errors(what: str, where: pathlib.Path) -> Iterator[None]:
    """Replaces the error of a full disk or a forbidden folder by an OdeltError of one line."""
    try:
        yield
    except OSError as error:
        kept = "; make room and run it again: it goes on from there" if error.errno in files.NO_ROOM else ""
        raise OdeltError(f"{what}: cannot write to {where.parent}: {error.strerror or error}{kept}") from None

"""What the hosts of the registry say today of every source: there with which size, or not. Nothing is downloaded.

A file is asked for its first byte: the answer's header has the size, and Google Drive has no other way to say that its
quota is used up. Folders and repositories are listed, so that a renamed file can be named.
"""

import concurrent.futures
import contextlib
import difflib
import functools
import pathlib
import re
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import gdown
import httpx2
import requests
from huggingface_hub import HfApi, close_session, constants, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import build_hf_headers, filter_repo_objects

from odelt.config.registry import DriveFile, HubFiles, Registry, Source
from odelt.quoting import one_line
from odelt.sources import drive, https

TIMEOUT = (10, 15)  # seconds to connect, seconds without a byte; each request is made once
AT_ONCE = 8  # requests
DRIVE_FILE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id="
PAGE = 100_000  # bytes of a web page that are searched for a reason
NEAREST = 3  # names that a line has at most


class Availability(NamedTuple):
    """What is known of a source, or of a host: a line, and whether all is well."""

    text: str
    there: bool = False


class _Silent(Exception):
    """A host does not answer."""

    def __init__(self, host: str, reason: str):
        super().__init__(host, reason)
        self.host, self.reason = host, reason


class _Absent(Exception):
    """A host answers, and the source is not there. Its text says why."""


def ask(registry: Registry) -> list[Availability]:
    """Returns a line for each source, in the registry's order, and before them one for each host that is silent.

    Sources of a silent host are named in the host's line. `odelt.sources.fetch.network` sets a proxy.
    """
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        folders = dict.fromkeys(source.drive.folder for source in registry.sources.values() if source.drive)
        listed = dict(zip(folders, pool.map(functools.partial(_outcome, _folder), folders), strict=True))
        look = functools.partial(_look, listed)
        outcomes = dict(
            zip(registry.sources, pool.map(functools.partial(_outcome, look), registry.sources.values()), strict=True)
        )
    close_session()  # the library's connections carry the proxy of this block
    silent: dict[str, tuple[str, list[str]]] = {}
    lines = []
    for name, outcome in outcomes.items():
        if isinstance(outcome, _Silent):
            silent.setdefault(outcome.host, (outcome.reason, []))[1].append(name)
        elif isinstance(outcome, _Absent):
            lines.append(Availability(f"{name}: not there: {outcome}"))
        else:
            lines.append(Availability(f"{name}: there, {outcome}", there=True))
    hosts = [
        Availability(
            f"{host} does not answer ({reason}): {', '.join(names)}; is there a network, and is `proxy` right?"
        )
        for host, (reason, names) in silent.items()
    ]
    return hosts + lines


def _outcome(question: Callable[[Any], Any], about: Any) -> Any:
    """Returns the answer, or the exception that stands for one."""
    try:
        return question(about)
    except (_Silent, _Absent) as outcome:
        return outcome


def _look(listed: dict[str, Any], source: Source) -> str:
    if source.drive:
        return _in_drive(source.drive, listed[source.drive.folder], source.bytes)
    if source.hub:
        return _in_hub(source.hub)
    assert source.url is not None  # a source has exactly one of the three
    return _size(_bytes(source.url), source.bytes)


def _in_drive(location: DriveFile, listed: Any, expected: int | None) -> str:
    if isinstance(listed, Exception):
        raise listed
    matches = [file for file in listed if pathlib.PurePath(file.path).name == location.file]
    if len(matches) == 1:
        return _size(_bytes(f"{DRIVE_FILE}{matches[0].id}"), expected)
    if matches:
        paths = ", ".join(sorted(file.path for file in matches))
        raise _Absent(f"{location.address} lists {location.file} {len(matches)} times: {one_line(paths)}")
    near = _nearest(location.file, [pathlib.PurePath(file.path).name for file in listed])
    line = f"drive: {{folder: {location.folder}, file: {near[0]}}}" if near else ""
    raise _Absent(f"{location.address} lists no {location.file}{_remedy(near, line)}")


def _in_hub(location: HubFiles) -> str:
    info = _repository(location)
    sizes = {file.rfilename: file.size for file in info.siblings or []}
    for pattern in location.files:
        if not list(filter_repo_objects(sizes, allow_patterns=pattern)):
            near = _nearest(pattern, list(sizes))
            files = [near[0] if near and file == pattern else file for file in location.files]
            line = f"files: [{', '.join(files)}]" if near else ""
            raise _Absent(f"{location.address} has no {pattern} at {location.revision}{_remedy(near, line)}")
    wanted = sorted(filter_repo_objects(sizes, allow_patterns=location.files))
    size = 0
    for path in wanted:
        url = hf_hub_url(location.repository, path, repo_type=location.type, revision=info.sha)
        size += _bytes(url, build_hf_headers())
    pinned = info.sha == location.revision
    commit = (
        ""
        if pinned
        else f"; {location.revision} is a commit now; to keep to it, put into sources.yaml: revision: {info.sha}"
    )
    return f"{size:,} bytes in {len(wanted)} files{commit}"


def _repository(location: HubFiles) -> Any:
    host = urllib.parse.urlsplit(constants.ENDPOINT).hostname or ""
    try:
        return HfApi().repo_info(
            location.repository,
            repo_type=location.type,
            revision=location.revision,
            timeout=TIMEOUT[1],
            files_metadata=True,
        )
    except HfHubHTTPError as error:
        status = error.response.status_code
        where = f"{location.address} at {location.revision}"
        raise _Absent(f"{host} answers {status} for {where}; is the name right, and does HF_TOKEN admit you?") from None
    except httpx2.TransportError as error:
        raise _Silent(host, one_line(error) or type(error).__name__) from None


def _folder(folder: str) -> list[Any]:
    """Returns the files of a shared folder, each with `path` and `id`."""
    try:
        with _answering("drive.google.com"):
            return drive.listed(folder, TIMEOUT)
    except gdown.DownloadError as error:
        address = DriveFile(folder=folder, file="any").address
        raise _Absent(f"cannot list {address}: {one_line(str(error).partition('.')[0])}") from None


def _bytes(url: str, headers: dict[str, str] | None = None) -> int:
    """Returns the size that the header of a file's first byte gives."""
    host = urllib.parse.urlsplit(url).hostname or ""
    with (
        _answering(host),
        requests.get(
            url,
            headers={**(headers or {}), "Range": "bytes=0-0", "Accept-Encoding": "identity"},
            timeout=TIMEOUT,
            stream=True,
        ) as answer,
    ):
        if not answer.ok:
            raise _Absent(
                f"{host} answers {answer.status_code} to {url}; has the file moved, or is the host in trouble?"
            )
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            page = next(answer.iter_content(PAGE), b"").decode(errors="replace")
            quota = drive.QUOTA.search(page)
            raise _Absent(
                f"{host}'s quota for it is used up; try again tomorrow, or fetch it in a browser"
                if quota
                else f"{host} sends a web page and not the file of {url}"
            )
        total = re.fullmatch(r"bytes 0-0/(\d+)", answer.headers.get("Content-Range", ""))
        size = total[1] if total else answer.headers.get("Content-Length", "")
    if not size.isdecimal():
        raise _Absent(f"{host} has it, and does not say its size ({url})")
    return int(size)


@contextlib.contextmanager
def _answering(host: str) -> Iterator[None]:
    try:
        yield
    except requests.RequestException as error:
        raise _Silent(host, https.reason(error)) from None


def _size(size: int, expected: int | None) -> str:
    differs = expected and abs(size - expected) > 0.01 * expected
    return f"{size:,} bytes" + (f"; sources.yaml has another size: put there bytes: {size:_}" if differs else "")


def _nearest(name: str, names: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(name, sorted(set(names)), NEAREST, cutoff=0.5)


def _remedy(near: list[str], line: str) -> str:
    if not near:
        return ", nor a name like it"
    return f"; the nearest: {', '.join(near)}; where the first is it, put into sources.yaml: {line}"

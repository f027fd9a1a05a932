"""What the hosts of the registry answer, from a folder of stand-ins: `rehearsal.network` is their wire.

Google Drive: a folder's listing, the notice that a large file was not scanned for viruses, the download. The Hugging
Face hub: a repository's revision and listing, files, the redirect of large ones. Plain https: the registry's addresses.
"""

import hashlib
import html
import json
import math
import pathlib
import re
import threading
import urllib.parse
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from odelt.config.registry import Registry, Source

FAULTS = ("truncated", "http-500", "quota", "changed")
DRIVE, DRIVE_FILES = "drive.google.com", "drive.usercontent.google.com"
HUB, HUB_FILES = "huggingface.co", "cdn-lfs.huggingface.co"
COMMIT = "5a4d1" * 8  # of every stand-in repository, where the registry names none
QUOTA = '<p class="uc-error-subcaption">Too many users have viewed or downloaded this file recently.</p>'


class Answer(NamedTuple):
    """What is sent: `body` whole (a page, a listing), or a file of the source `name`, in ranges."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})
    name: str | None = None


class World:
    """What the stand-in hosts hold, their faults, and what was asked of them."""

    def __init__(self, registry: Registry, folder: pathlib.Path, faults: Iterable[str] = ()):
        self.registry, self.folder = registry, pathlib.Path(folder)
        self.faults = dict(_fault(text, registry) for text in faults)
        self.asked: list[tuple[str, str, str | None]] = []  # method, address, range
        self._one_at_a_time = threading.Lock()

    def fault(self, name: str, kinds: Iterable[str]) -> str | None:
        """The fault of this transfer, counted down; only where it is one of `kinds`."""
        with self._one_at_a_time:
            kind, times = self.faults.get(name, (None, 0))
            if kind not in kinds or times <= 0:
                return None
            self.faults[name] = (kind, times - 1)
            return kind

    def files(self, name: str) -> dict[str, bytes]:
        """The stand-ins of a source by path; "changed" ones have other bytes."""
        root = self.folder / name
        found = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        kind, times = self.faults.get(name, (None, 0))
        if kind == "changed" and times > 0:
            return {path: bytes(byte ^ 1 for byte in body) for path, body in found.items()}
        return dict(sorted(found.items()))

    def answer(self, host: str, target: str) -> Answer | None:
        """What the world answers to a GET; None for what it does not know."""
        address = urllib.parse.urlsplit(target)
        path = urllib.parse.unquote(address.path)
        query = {key: values[0] for key, values in urllib.parse.parse_qs(address.query).items()}
        if host == DRIVE:
            return self._drive(path, query)
        if host == DRIVE_FILES and path == "/download":
            return self._drive_file(query)
        if host == HUB:
            return self._hub(path)
        if host == HUB_FILES:
            name, _, file = path.strip("/").partition("/")
            return self._file(name, file)
        for name, source in self.registry.sources.items():
            if source.url == f"https://{host}{path}":
                return self._file(name, source.file)
        return None

    def _file(self, name: str, file: str, **headers: str) -> Answer | None:
        body = self.files(name).get(file)
        return None if body is None else Answer(body, headers=headers, name=name)

    def _drive(self, path: str, query: dict[str, str]) -> Answer | None:
        if path == "/embeddedfolderview":
            links = [
                f'<a href="https://{DRIVE}/file/d/{_id(name)}/view"><div>{html.escape(source.file)}</div></a>'
                for name, source in self._in_drive()
                if source.drive.folder == query.get("id") and source.file in self.files(name)
            ]
            return page("<html><head><title>stand-in</title></head><body>", *links, "</body></html>")
        if path == "/uc" and "id" in query:
            to = urllib.parse.urlencode({"id": query["id"], "export": "download"})
            return Answer(status=303, headers={"Location": f"https://{DRIVE_FILES}/download?{to}"})
        return None

    def _drive_file(self, query: dict[str, str]) -> Answer | None:
        for name, source in self._in_drive():
            if _id(name) != query.get("id"):
                continue
            if self.fault(name, ["quota"]):
                return page(
                    "<html><head><title>Google Drive - Quota exceeded</title></head><body>", QUOTA, "</body></html>"
                )
            if "confirm" not in query:  # "Google Drive can't scan this file for viruses": all large files have it
                fields = {**query, "confirm": "t", "uuid": "0"}
                inputs = "".join(
                    f'<input type="hidden" name="{k}" value="{html.escape(v)}">' for k, v in fields.items()
                )
                form = f'<form id="download-form" action="https://{DRIVE_FILES}/download" method="get">{inputs}</form>'
                return page("<!DOCTYPE html><html><body>", form, "</body></html>")
            disposition = f'attachment; filename="{source.file}"'
            return self._file(name, source.file, **{"Content-Disposition": disposition})
        return None

    def _in_drive(self) -> list[tuple[str, Source]]:
        return [(name, source) for name, source in self.registry.sources.items() if source.drive]

    def _hub(self, path: str) -> Answer | None:
        for name, source in self.registry.sources.items():
            if source.hub:
                answer = self._repository(name, source, path)
                if answer:
                    return answer
        return None

    def _repository(self, name: str, source: Source, path: str) -> Answer | None:
        place, files = source.hub, self.files(name)
        commit = place.revision if re.fullmatch("[0-9a-f]{40}", place.revision) else COMMIT
        api = f"/api/{place.type}s/{place.repository}"
        if files and path == f"{api}/revision/{place.revision}":
            siblings = [{"rfilename": file, "size": len(body)} for file, body in files.items()]
            return _json({"id": place.repository, "sha": commit, "private": False, "siblings": siblings})
        if files and path == f"{api}/tree/{commit}":
            return _json([_listed(file, body) for file, body in files.items()])
        prefix = urllib.parse.urlsplit(place.address).path
        match = re.fullmatch(rf"{re.escape(prefix)}/resolve/{commit}/(.+)", path)
        if not match or match[1] not in files:
            return None
        headers = {"X-Repo-Commit": commit, "ETag": f'"{_listed(match[1], files[match[1]])["oid"]}"'}
        if not _large(match[1]):
            return self._file(name, match[1], **headers)
        to = urllib.parse.quote(f"/{name}/{match[1]}")
        return Answer(status=302, headers={**headers, "Location": f"https://{HUB_FILES}{to}"})


def _fault(text: str, registry: Registry) -> tuple[str, tuple[str, float]]:
    name, _, kind = text.partition("=")
    kind, _, times = kind.partition(":")
    if kind not in FAULTS or name not in registry or not (times or "1").isdecimal():
        raise SystemExit(
            f"--fault {text}: NAME=KIND[:TIMES] with a source of the registry and one of {', '.join(FAULTS)}"
        )
    return name, (kind, int(times) if times else math.inf)


def _id(name: str) -> str:
    """The id that Drive gives to a stand-in."""
    return f"standin-{hashlib.sha256(name.encode()).hexdigest()[:25]}"


def _large(file: str) -> bool:
    """Whether the hub keeps a file outside git."""
    return not file.endswith((".json", ".md", ".txt"))


def _listed(file: str, body: bytes) -> dict:
    blob = hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
    large = {"lfs": {"oid": hashlib.sha256(body).hexdigest(), "size": len(body), "pointerSize": 134}}
    return {"type": "file", "path": file, "size": len(body), "oid": blob, **(large if _large(file) else {})}


def page(*lines: str) -> Answer:
    """A web page of these lines."""
    return Answer("\n".join(lines).encode(), headers={"Content-Type": "text/html; charset=utf-8"})


def _json(value: object) -> Answer:
    return Answer(json.dumps(value).encode(), headers={"Content-Type": "application/json"})

"""A record: what one output is, what it was made from, by which verb, parameters, code and environment.

It is in its output's folder, as `<output>.prov.json`. Paths are relative to the suite's folder (`results/<suite>`; for
an output elsewhere, to the output's own folder) and never absolute, so that the folder can be copied and audited
anywhere.
"""

import hashlib
import json
import pathlib
from typing import Annotated, Any

import pydantic

from odelt import files
from odelt.config import NotNegative, Section, subfolders
from odelt.errors import OdeltError
from odelt.layout import paths
from odelt.plain_data import parse_json

SUFFIX = ".prov.json"
# Parts of a suite's folder that are outside of the chain (`so-far` holds tables of what was not finished), and pages,
# which show what the chain holds.
OUTSIDE = (subfolders.LOGS, subfolders.BENCHMARKS, subfolders.CHECKPOINTS, subfolders.SO_FAR, paths.AUDIT)
PAGES = ".html"
SUITE, STUDY = paths.SUITE, paths.STUDY  # the kept configurations: a suite's, and a latency study's
# Outputs that repeat what the records say. Each has its own record. None counts in the suite's digest, which they
# state, and none describes another. The audit compares them with the records.
RETOLD = (paths.CRATE,)

Digest = Annotated[str, pydantic.Field(pattern=r"^[0-9a-f]{64}$")]


Commit = Annotated[str, pydantic.Field(pattern=r"^[0-9a-f]{40,64}$")]
Module = Annotated[str, pydantic.Field(pattern=r"^odelt(\.[A-Za-z0-9_]+)+$")]
Package = Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9_]+$")]


class Output(Section):
    path: str
    sha256: Digest
    bytes: NotNegative
    files: dict[str, Digest] | None = None  # of a folder, by path within it
    stamp: str | None = None  # of a large one: sizes and times, by which a reader sees that it was not written again


class Input(Section):
    path: str
    sha256: Digest
    external: bool = False  # outside of the suite's folder: a file of the project's, or the user's own


class Code(Section):
    commit: Commit | None  # of the checkout that ran; None outside of one
    dirty: bool | None
    # Of odelt; not in a record of the first version, which did not name it.
    version: str | None = pydantic.Field(default=None, exclude_if=lambda version: version is None)
    modules: dict[Module, Digest]  # of odelt that the verb imported


class Environment(Section):
    python: str
    packages: dict[Package, str]  # by the names that those modules import
    device: str | None  # of verbs that computed with jax or torch
    # Variables of the environment that may change a number; not in a record where none is set, as in older records.
    settings: dict[str, str] = pydantic.Field(default_factory=dict, exclude_if=lambda settings: not settings)
    # In which precision a part was computed (see `odelt.vision`); only of verbs in which that depends on the device.
    precisions: dict[str, str] = pydantic.Field(default_factory=dict, exclude_if=lambda precisions: not precisions)

    @property
    def computed_on(self) -> str:
        """The device, and the precision of each part; empty where nothing was computed on a device."""
        parts = [f"{part} in {precision}" for part, precision in self.precisions.items()]
        return ", ".join([*([self.device] if self.device else []), *parts])


class Record(Section):
    output: Output
    suite: str | None  # the suite or the latency study whose folder holds the output; None: neither
    inputs: tuple[Input, ...]
    verb: str
    parameters: dict[str, Any]
    seed: int | None
    code: Code
    environment: Environment
    started: str  # UTC, ISO 8601
    ended: str
    removed: str | None = None  # when `odelt clean` removed the output
    seal: Digest | None = None  # of all the rest

    @property
    def lasting(self) -> dict:
        """Everything but the times, and whether the output still exists."""
        output = self.output.model_dump(mode="json", exclude={"stamp"}, exclude_none=True)
        rest = self.model_dump(mode="json", exclude={"output", "started", "ended", "removed", "seal"})
        return {"output": output, **rest}

    @property
    def job(self) -> tuple[str, str, str]:
        """Identifies one run of a verb. All its outputs share it, and no others do."""
        return self.verb, self.started, hashlib.sha256(canonical(self.parameters)).hexdigest()

    @property
    def proper_seal(self) -> str:
        """The digest of the record's content. It reveals an edited record, unless that was sealed again."""
        return hashlib.sha256(canonical(self.model_dump(mode="json", exclude={"seal"}))).hexdigest()

    def sealed(self) -> "Record":
        return self.model_copy(update={"seal": self.proper_seal})


def canonical(content: object) -> bytes:
    """The same bytes for the same content."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")


def record_path(output: pathlib.Path) -> pathlib.Path:
    """Returns the path of an output's record."""
    return output.with_name(output.name + SUFFIX)


def read(path: pathlib.Path) -> Record:
    """Reads a record. Raises ValueError or OSError, with a message of one line, if the file holds no valid record."""
    files.require_regular(path, "record")
    try:
        known = Record.model_validate(parse_json(path.read_bytes(), path.name))
        canonical(known.model_dump(mode="json"))  # raises if the record could not be written again
        return known
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except OdeltError as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def write(record: Record, path: pathlib.Path) -> None:
    """Seals and writes a record. An earlier record that differs only in its times stays."""
    try:
        before = read(path)
    except (OSError, ValueError):
        before = None
    if before is None or not _says_the_same(before, record):
        _put(record, path)


def _says_the_same(before: Record, record: Record) -> bool:
    same = before.seal == before.proper_seal and not before.removed and before.lasting == record.lasting
    return same and before.output.stamp == record.output.stamp


def _put(record: Record, path: pathlib.Path) -> None:
    content = record.sealed().model_dump(mode="json")
    files.write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def mark_removed(output: pathlib.Path, when: str) -> None:
    """Notes in an output's record that it was removed on purpose. Does nothing without a readable record."""
    try:
        known = read(record_path(output))
    except (OSError, ValueError):
        return
    if known.seal == known.proper_seal:  # else an edited record would be sealed anew
        _put(known.model_copy(update={"removed": when}), record_path(output))


def root_of(output: pathlib.Path) -> tuple[pathlib.Path, str | None]:
    """Returns the folder that the paths in an output's record are relative to, and that folder's name in `results`.

    The name may be that of a suite or of a latency study. It is None if the output is not in such a folder. `output` is
    an absolute path.
    """
    for folder in output.parents:
        if folder.parent.name == paths.RESULTS:
            return folder, folder.name
    return output.parent, None


def concerns(path: pathlib.PurePath) -> bool:
    """Whether a file belongs to the chain, by its path in the suite's folder."""
    hidden = any(part.startswith(".") for part in path.parts)
    return not (hidden or any(part in OUTSIDE for part in path.parts[:1]) or path.suffix == PAGES)

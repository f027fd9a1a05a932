"""A record: what one output is, what it was made from, by which verb, parameters, code and environment.

It lies beside its output as `<output>.prov.json`. Paths are relative to the suite's folder (`results/<suite>`; for an
output elsewhere, to the output's own folder) and never absolute, so that the folder can be copied and audited anywhere.
"""

import hashlib
import json
import pathlib
from typing import Annotated, Any

import pydantic

from odelt import files
from odelt.config import NotNegative, Section
from odelt.errors import OdeltError
from odelt.layout import paths
from odelt.plain_data import parse_json

SUFFIX = ".prov.json"
RESULTS = "results"  # the folder of the suites' folders
# Parts of a suite's folder that are outside of the chain (`so-far` holds tables of what was not finished), and pages,
# which show what the chain holds.
OUTSIDE = (paths.LOGS, paths.BENCHMARKS, paths.CHECKPOINTS, paths.SO_FAR, paths.AUDIT)
PAGES = ".html"
SUITE, STUDY = paths.SUITE, paths.STUDY  # the kept configurations: a suite's, and a latency study's
# Outputs that tell what the records say. Each has a record of its own, but none of them counts in the suite's digest,
# which they state, and none tells of another. The audit compares what they tell with the records.
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


class Record(Section):
    output: Output
    suite: str | None  # whose folder the output lies in, or which latency study's; None: neither's
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
        """All that is not about when it was made, or whether it is still there."""
        output = self.output.model_dump(mode="json", exclude={"stamp"}, exclude_none=True)
        rest = self.model_dump(mode="json", exclude={"output", "started", "ended", "removed", "seal"})
        return {"output": output, **rest}

    @property
    def job(self) -> tuple[str, str, str]:
        """The same for all outputs of one run of a verb, and for nothing else."""
        return self.verb, self.started, hashlib.sha256(canonical(self.parameters)).hexdigest()

    @property
    def proper_seal(self) -> str:
        """The digest of the record's content: an edited record shows, unless it was sealed anew."""
        return hashlib.sha256(canonical(self.model_dump(mode="json", exclude={"seal"}))).hexdigest()

    def sealed(self) -> "Record":
        return self.model_copy(update={"seal": self.proper_seal})


def canonical(content: object) -> bytes:
    """The same bytes for the same content."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")


def beside(output: pathlib.Path) -> pathlib.Path:
    """Where the record of an output lies."""
    return output.with_name(output.name + SUFFIX)


def output_of(record: pathlib.Path) -> pathlib.Path:
    """The output that a record lies beside."""
    return record.with_name(record.name.removesuffix(SUFFIX))


def read(path: pathlib.Path) -> Record:
    """The record in a file; ValueError (or OSError) with one line where it holds something else."""
    files.require_regular(path, "record")
    try:
        known = Record.model_validate(parse_json(path.read_bytes(), path.name))
        canonical(known.model_dump(mode="json"))  # what cannot be written is told here, and not later
        return known
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except OdeltError as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def write(record: Record, path: pathlib.Path) -> None:
    """Writes a record, sealed; one that says the same but for the times stays as it is."""
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
    """Says in an output's record that it was removed on purpose; nothing where it has no record that can be read."""
    try:
        known = read(beside(output))
    except (OSError, ValueError):
        return
    if known.seal == known.proper_seal:  # else an edited record would be sealed anew
        _put(known.model_copy(update={"removed": when}), beside(output))


def root_of(output: pathlib.Path) -> tuple[pathlib.Path, str | None]:
    """The folder that an absolute output's paths are relative to, and the name of the suite, or of the latency study,
    whose folder that is, if there is one of this name."""
    for folder in output.parents:
        if folder.parent.name == RESULTS:
            return folder, folder.name
    return output.parent, None


def concerns(path: pathlib.PurePath) -> bool:
    """Whether the chain holds a file, by its path in the suite's folder."""
    hidden = any(part.startswith(".") for part in path.parts)
    return not (hidden or any(part in OUTSIDE for part in path.parts[:1]) or path.suffix == PAGES)

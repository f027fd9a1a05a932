"""Describes a verb of the command line. Everything that has to know a verb reads the description.

A rule takes its environment and its options from it, the audit the expected parameters, `plan` and `doctor` the verb's
needs, the audit page the name of the step, the command line its help. A description executes nothing; `odelt.commands`
has the functions.
"""

import dataclasses
import json
import pathlib
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from odelt.config import Length, Section, older, subfolders
from odelt.layout.grid import Point, number
from odelt.layout.paths import StudyPaths, SuitePaths
from odelt.layout.targets import Target

Values = Mapping[str, Any]  # the value of each option, by the option's name with underscores
Paths = SuitePaths | StudyPaths
WITHIN = SuitePaths(pathlib.PurePosixPath())  # paths below a suite's folder
SMALL_MEMORY, SMALL_MINUTES = 4000, 60  # what a job of a small experiment needs at most: MB, and minutes


@dataclasses.dataclass(frozen=True)
class Download:
    """A downloaded file as a value of an option. The file's own name is in the registry alone."""

    source: str

    @property
    def folder(self) -> str:
        return f"{subfolders.SOURCES}/{self.source}/"


def no_parameters(target: Target) -> Values:
    return {}


@dataclasses.dataclass(frozen=True)
class Verb:
    """A description.

    `parameters` returns the options on which a target of a suite depends. A value is plain data, a section of the
    suite, a grid point (its solver, guidance and d), a PurePosixPath (below the suite's folder), a Download, or a pair
    of a label and a Download; a list repeats the option. Files are among them where the suite decides which: which
    samples belong to which score, say. Other inputs are the rule's, and a record holds their digests.
    """

    name: str
    help: str
    title: str = ""  # what it makes, as the audit page calls it; empty if it makes nothing that has a record
    environment: str = "jax"  # envs/<environment>.yaml; jax: JAX, vision: PyTorch, data: TensorFlow and downloads
    gpu: bool = False  # whether it computes on a GPU where there is one
    memory: int = SMALL_MEMORY  # MB that a job of a large experiment needs; a GPU's own is not counted
    minutes: int = SMALL_MINUTES  # that such a job may take
    rules: tuple[str, ...] | None = None  # the rules that call it; without this the rule of the same name
    generated: bool = False  # several rules, whose names begin with that of `rules`: one for each group of outputs
    outputs: tuple[str, ...] = ()  # the files that it writes in `--out`; without this `--out` is the output
    aligned: tuple[str, ...] = ()  # options with a value for each output, in the order of the outputs
    positional: tuple[str, ...] = ()  # options that are arguments by their place
    parameters: Callable[[Target], Values] = no_parameters
    from_nothing: bool = False  # its outputs are made from no file of the suite
    copies: bool = False  # its outputs are copies of the project's files
    of_study: bool = False  # it belongs to the latency study
    measures: bool = False  # its output holds a distance that tables show

    def is_called_by(self, rule: str) -> bool:
        names = (self.name.replace("-", "_"),) if self.rules is None else self.rules
        return rule in names or (self.generated and any(rule.startswith(f"{name}_") for name in names))

    def resources(self, large: bool, gpus: int = 1) -> dict[str, int]:
        """Returns what a scheduler is asked for, in Snakemake's words: MB, minutes, GPUs.

        `large` says whether the job belongs to a large experiment, whose network sees latents. Only such a job needs
        GPUs, so many as it shares its work among.
        """
        memory, minutes = self.memory, self.minutes
        if not large:
            memory, minutes = min(memory, SMALL_MEMORY), min(minutes, SMALL_MINUTES)
        return {"mem_mb": memory, "runtime": minutes, "gpu": gpus if self.gpu and large else 0}

    def options(self, targets: Sequence[Target], paths: Paths, out: pathlib.Path | None = None) -> str:
        """Returns the command line's options for one job that makes these targets, quoted for a shell.

        `out` is another folder for the outputs than their own.
        """
        each = [self.parameters(target) for target in targets]
        values = dict(each[0])
        for name in self.aligned:
            values[name] = [value for of_target in each for value in of_target[name]]
        words = [_text(values.pop(name), paths) for name in self.positional]
        words += [word for name in values for word in _words(name, values[name], paths)]
        if "out" not in values:
            first = paths.root / targets[0].path
            words += ["--out", str(out or (first.parent if self.outputs else first))]
        return shlex.join(words)

    def expected(self, target: Target, given: Values, version: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Returns the expected parameters of this target and the record's own ones, as plain data to compare.

        `version` is the version of odelt that wrote the record. The record's sections get the keys that it lacked.

        Raises:
            UnknownTarget: the suite asks for no such output.
        """
        expected = self.parameters(target)
        own = {}
        for name, value in expected.items():
            recorded = _own(given, name, target.path, self.aligned) if name in self.aligned else given.get(name)
            own[name] = _completed(value, recorded, version)
        return {name: _plain(value, own[name]) for name, value in expected.items()}, own


def _own(given: Values, name: str, path: str, aligned: Sequence[str]) -> Any:
    """Returns this output's value of an option that has a value for each output, as a list of one.

    Returns the record's whole list if that does not belong to its outputs.
    """
    values = given.get(name)
    if not isinstance(values, list):  # as in records of versions that made one output at a time
        return [values]
    for outputs in map(given.get, aligned):
        if isinstance(outputs, list) and len(outputs) == len(values) and path in outputs:
            return [values[outputs.index(path)]]
    return values


def _completed(value: Any, given: Any, version: str | None) -> Any:
    if isinstance(value, list) and isinstance(given, list) and len(value) == len(given):
        return [_completed(item, other, version) for item, other in zip(value, given, strict=True)]
    return older.completed(type(value), given, version) if isinstance(value, Section) else given


def _plain(value: Any, given: Any) -> Any:
    """Returns a value in the form of a record's. `given` is the record's value, which names the file of a download."""
    match value:
        case Section():
            return value.model_dump(mode="json")
        case Point():
            return [str(value.solver), value.guidance, value.d]
        case pathlib.PurePosixPath():
            return value.as_posix()
        case Download():
            return given if isinstance(given, str) and given.startswith(value.folder) else value.folder
        case Mapping():
            recorded = given if isinstance(given, Mapping) else {}
            return {name: _plain(item, recorded.get(name)) for name, item in value.items()}
        case list() | tuple():
            recorded = given if isinstance(given, list) and len(given) == len(value) else [None] * len(value)
            return [_plain(item, other) for item, other in zip(value, recorded, strict=True)]
    return value


def _words(name: str, value: Any, paths: Paths) -> Iterator[str]:
    """Yields an option as words of a command."""
    flag = f"--{name.replace('_', '-')}"
    if value is True:
        yield flag
    elif isinstance(value, list) and value:
        for item in value:
            yield from _words(name, item, paths)
    elif name in TEXTS:
        yield from (flag, TEXTS[name](value))
    elif value is not None and value is not False and value != []:
        yield from (flag, _text(value, paths))


def _text(value: Any, paths: Paths) -> str:
    match value:
        case Section():
            return json.dumps(value.model_dump(mode="json"))
        case Mapping():
            return json.dumps(value)
        case Point():
            d = "" if value.d is None else f",{value.d}"
            return f"{value.solver},{number(value.guidance)}{d}"
        case pathlib.PurePosixPath():
            return str(paths.root / value)
        case Download():
            assert isinstance(paths, SuitePaths)  # a study downloads nothing
            return str(paths.source(value.source))
        case (str(label), Download() as download):
            return f"{label}={_text(download, paths)}"
    return str(value)


# Options that have their own text form.
TEXTS: dict[str, Callable[[Any], str]] = {
    "length": lambda length: str(Length(length)),
    "image": lambda size: "{}x{}".format(*size),
}

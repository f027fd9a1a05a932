"""Finds outputs that are stale against today's checkout.

An output is stale if other code, packages or configuration made it, if it is lost or damaged, or if an input is stale.
Snakemake sees changed parameters and newer inputs. It sees neither changed code and libraries, nor that a file is gone
while the files made from it exist.
"""

import ast
import dataclasses
import functools
import hashlib
import importlib.metadata
import pathlib
import shlex
import subprocess
from collections.abc import Iterable, Iterator, Sequence

from odelt.audit.audit import Audit
from odelt.audit.chain import BROKEN, EXTERNAL, MISSING, Chain, Node
from odelt.audit.folder import is_plain
from odelt.audit.snapshot import unlocked
from odelt.config import Dataset, load_suite
from odelt.data import folders
from odelt.errors import OdeltError
from odelt.layout import targets
from odelt.plain_data import parse_yaml
from odelt.provenance import digests, environment, parameters
from odelt.provenance.record import Input, Record, root_of
from odelt.quoting import quoted
from odelt.sources.lock import load_lock
from odelt.verbs import VERBS


@dataclasses.dataclass(frozen=True)
class Stale:
    """An output that today's checkout would make differently."""

    path: str
    suite: str | None
    output: str  # its path in the suite's folder
    job: tuple  # identifies the job; its outputs share it
    reasons: tuple[str, ...]  # its own; empty if only an input is stale

    @property
    def can_be_made(self) -> bool:
        """Whether the output has a reason of its own, and today's configuration asks for it."""
        return bool(self.reasons) and parameters.LEFT_OVER not in self.reasons

    def data(self) -> dict:
        return {"path": self.path, "reasons": list(self.reasons)}


def stale(audits: Iterable[Audit], checkout: pathlib.Path) -> tuple[list[Stale], list[str]]:
    """Finds the stale outputs, inputs first. Also returns a line for each of the user's files that was not compared.

    Raises:
        OdeltError: `checkout` is no checkout of this project, or its configuration is not valid.
    """
    if not (checkout / "odelt" / "__init__.py").is_file():
        raise OdeltError(f"{checkout} is no checkout of this project: it has no odelt/__init__.py")
    today = Today(checkout)
    outputs = [output for audited in audits for output in _stale(audited, today)]
    return outputs, [f"{path} is not here, so it was not compared" for path in sorted(today.absent)]


def report(outputs: Sequence[Stale]) -> list[str]:
    """Lines for people: each stale output with its reasons, and the commands that make them again."""
    if not outputs:
        return ["nothing is stale"]
    lines = [f"stale: {output.path}: {'; '.join(output.reasons) or 'what it was made from is'}" for output in outputs]
    suites = list(dict.fromkeys(output.suite for output in outputs if output.suite and output.can_be_made))
    return lines + [f"make again: {command(outputs, suite)}" for suite in suites]


def command(outputs: Sequence[Stale], suite: str) -> str:
    """The command that makes the stale outputs of a suite or a latency study again, and nothing else.

    It names one output of each job that has a reason of its own. The job's other outputs come with it, and Snakemake
    makes files again that are older than their inputs.
    """
    jobs: dict[tuple, str] = {}
    of_suite = [output for output in outputs if output.suite == suite]
    for output in of_suite:
        if output.can_be_made:
            path = f"results/{suite}/{output.output}"
            jobs[output.job] = min(jobs.get(output.job, path), path)
    of_study = any(_is_of_study(output.job[0]) for output in of_suite)
    asked = ["latency", "--config", f"latency=config/{suite}.yaml"] if of_study else ["--config", f"suite={suite}"]
    return shlex.join(["snakemake", "--cores", "all", *asked, "--forcerun", *sorted(jobs.values())])


class Today:
    """The checkout as it is now, and the packages of this environment."""

    def __init__(self, checkout: pathlib.Path):
        self.checkout = checkout
        self.absent: set[str] = set()  # the user's folders and archives that a record names, but that are not here

    def reasons(self, record: Record) -> list[str]:
        """Why the verb of a record would make its output differently today, apart from inputs within the suite."""
        if record.verb == "fetch":  # the lock decides what it is, whatever code fetches it
            return unlocked(record, self._lock(record.suite)) if record.suite else []
        reasons = self._external(record)
        if record.verb in VERBS and VERBS[record.verb].copies:
            return reasons
        reasons += self._modules(record)
        for name, version in record.environment.packages.items():
            now = _version(name)
            if now and now != version:
                reasons.append(f"{name} is {now} now, and was {version}")
        was, now = record.environment.settings, environment.settings(record.environment.packages)
        for name in sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name)):
            reasons.append(f"the variable {name} is {_value(now.get(name))} now, and was {_value(was.get(name))}")
        if record.suite and not _is_of_study(record.verb):
            differing = parameters.differences(self._suite(record.suite), record)
            reasons += [text if text == parameters.LEFT_OVER else f"configuration: {text}" for text in differing]
            if not differing:  # else today's run may read another path, or another share of the images
                reasons += self._brought(record)
        return reasons

    def _modules(self, record: Record) -> list[str]:
        changed = []
        for name, sha256 in record.code.modules.items():
            path = _file_of(self.checkout, name)
            if path is None:
                changed.append(f"{name} is gone")
            elif not self._means_the_same(path, sha256, record.code.commit):
                changed.append(f"{name} has changed")
        return changed

    @functools.cache  # noqa: B019 - lives as long as one audit
    def _means_the_same(self, path: pathlib.Path, sha256: str, commit: str | None) -> bool:
        """Whether a module equals the recorded one. If git has that one, comments and docstrings may differ."""
        now = path.read_bytes()
        if hashlib.sha256(now).hexdigest() == sha256:
            return True
        before = self._at(commit, path.relative_to(self.checkout).as_posix()) if commit else None
        if before is None or hashlib.sha256(before).hexdigest() != sha256:
            return False
        try:
            return _meaning(before) == _meaning(now)
        except (SyntaxError, ValueError):
            return False

    def _at(self, commit: str, path: str) -> bytes | None:
        """The content of a file at a commit."""
        command = ["git", "-C", str(self.checkout), "show", f"{commit}:./{path}"]
        try:
            shown = subprocess.run(command, capture_output=True, timeout=environment.GIT_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return shown.stdout if shown.returncode == 0 else None

    def _external(self, record: Record) -> list[str]:
        """Reasons from the project's files that the verb read. YAML counts by its content, not by its comments."""
        reasons = []
        dataset = self._dataset(record)
        for input in record.inputs:
            path = self.checkout / input.path
            ours = input.external and is_plain(input.path) and path.is_file() and not _is_brought(input, dataset)
            if ours and not self._is_the_same(path, input.sha256, record.code.commit):
                reasons.append(f"{input.path} has changed")
        return reasons

    def _brought(self, record: Record) -> list[str]:
        """Reasons from the user's own folder of images, or archive, which is hashed again if it is here."""
        dataset = self._dataset(record)
        if dataset is None or dataset.path is None:
            return []
        brought = [input for input in record.inputs if _is_brought(input, dataset)]
        return [reason for input in brought for reason in self._compared(dataset, dataset.path, input.sha256)]

    def _dataset(self, record: Record) -> Dataset | None:
        """Today's configuration of the dataset that a record's output belongs to."""
        name = targets.dataset_name(record.output.path)
        return self._suite(record.suite).datasets.get(name) if record.suite and name else None

    def _compared(self, dataset: Dataset, path: str, sha256: str) -> list[str]:
        if not (self.checkout / path).exists():
            self.absent.add(path)
            return []
        try:
            same = self._digest(dataset, path) == sha256
        except (OdeltError, OSError) as error:
            return [f"{path} cannot be compared: {error}"]
        return [] if same else [f"{path} has changed"]

    @functools.cache  # noqa: B019
    def _digest(self, dataset: Dataset, path: str) -> str:
        location = self.checkout / path
        if dataset.kind != "folder":
            return digests.find(location).sha256
        return digests.of_files(location, folders.names_read(location, dataset.fraction))

    @functools.cache  # noqa: B019
    def _is_the_same(self, path: pathlib.Path, sha256: str, commit: str | None) -> bool:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == sha256:
                return True
        before = self._at(commit, path.relative_to(self.checkout).as_posix()) if commit else None
        if path.suffix != ".yaml" or before is None or hashlib.sha256(before).hexdigest() != sha256:
            return False
        try:
            return parse_yaml(before, path) == parse_yaml(path.read_bytes(), path)
        except OdeltError:  # a file that cannot be read differs
            return False

    @functools.cache  # noqa: B019
    def _suite(self, name: str):
        if not is_plain(name) or "/" in name:
            raise OdeltError(f"{quoted(name)} is no name of a suite")
        return load_suite(self.checkout / "config" / f"{name}.yaml")

    @functools.cache  # noqa: B019
    def _lock(self, name: str):
        return load_lock(self.checkout / self._suite(name).downloads.lock)


def _is_of_study(verb: str) -> bool:
    return verb in VERBS and VERBS[verb].of_study


def _is_brought(input: Input, dataset: Dataset | None) -> bool:
    """Whether an input is the user's own folder or archive for this dataset."""
    path = dataset.path if dataset else None
    return input.external and path is not None and parameters.is_external_name(input.path, path)


def _stale(audited: Audit, today: Today) -> list[Stale]:
    outputs: dict[str, Stale] = {}
    for name, node in _inputs_first(audited.chain.nodes):
        record = node.record
        reasons = (*_faults(audited.chain, node), *(today.reasons(record) if record else ()))
        if reasons or any(link.name in outputs for link in node.links if link.state != EXTERNAL):
            root, suite = root_of(audited.chain.folder.root / name)
            output = (audited.chain.folder.root / name).relative_to(root).as_posix()
            suite, output, job = (record.suite, record.output.path, record.job) if record else (suite, output, (name,))
            outputs[name] = Stale(audited.path(name), suite, output, job, reasons)
    return list(outputs.values())


def _faults(chain: Chain, node: Node) -> Iterator[str]:
    """What is wrong with an output itself. It must be made again."""
    if node.state == MISSING:
        yield "it is missing"
    elif node.record is None:
        yield "it has no record that can be read"
    elif node.state == BROKEN and chain.folder.hash(node.name) != node.record.output.sha256:
        yield "it is not what was recorded"


def _inputs_first(nodes: dict[str, Node]) -> list[tuple[str, Node]]:
    """The files, each after its inputs; those of a cycle in any order."""
    ordered: dict[str, Node] = {}
    for start in sorted(nodes):
        waiting = [(start, False)]
        opened: set[str] = set()
        while waiting:
            name, done = waiting.pop()
            if done:
                ordered.setdefault(name, nodes[name])
            elif name not in opened and name not in ordered:
                opened.add(name)
                waiting.append((name, True))
                waiting += [(link.name, False) for link in nodes[name].links if link.state != EXTERNAL]
    return list(ordered.items())


def _meaning(source: bytes) -> str:
    """Describes a module without its comments, layout and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:]
    return ast.dump(tree)


def _file_of(checkout: pathlib.Path, module: str) -> pathlib.Path | None:
    base = checkout.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def _value(variable: str | None) -> str:
    return "not set" if variable is None else quoted(variable)


@functools.cache
def _version(package: str) -> str | None:
    """The installed version of the package with this import name; None if this environment lacks it."""
    if known := environment.version(package):
        return known
    distributions = _distributions().get(package)
    return importlib.metadata.version(distributions[0]) if distributions else None


_distributions = functools.cache(importlib.metadata.packages_distributions)

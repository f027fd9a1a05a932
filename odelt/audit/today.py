"""Why an output would be made differently today: by the checkout as it is now, and the packages of this environment."""

import ast
import functools
import hashlib
import importlib.metadata
import pathlib
import subprocess

from odelt.audit.folder import is_plain
from odelt.audit.snapshot import unlocked
from odelt.config import Dataset, load_suite
from odelt.errors import OdeltError
from odelt.layout import targets
from odelt.plain_data import parse_yaml
from odelt.provenance import digests, environment, parameters
from odelt.provenance.record import Input, Record
from odelt.quoting import quoted
from odelt.sources.lock import load_lock
from odelt.verbs import verb_named


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
        if verb_named(record.verb).copies:
            return reasons
        reasons += self._modules(record)
        for name, version in record.environment.packages.items():
            now = _version(name)
            if now and now != version:
                reasons.append(f"{name} is {now} now, and was {version}")
        was, now = record.environment.settings, environment.settings(record.environment.packages)
        for name in sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name)):
            reasons.append(f"the variable {name} is {_value(now.get(name))} now, and was {_value(was.get(name))}")
        if record.suite and not verb_named(record.verb).of_study:
            differing = self._differences(record)
            reasons += differing.lines("configuration")
            if not differing:  # else today's run may read another path, or another share of the images
                reasons += self._brought(record)
        return reasons

    def is_left_over(self, record: Record) -> bool:
        """Whether today's configuration asks for no such output."""
        if not record.suite or verb_named(record.verb).of_study:
            return False
        superseded = targets.Target(None, record.suite, record.output.path).is_superseded
        return superseded or self._differences(record).left_over

    def _differences(self, record: Record) -> parameters.Differences:
        return parameters.differences(self._suite(record.suite), record)

    def _modules(self, record: Record) -> list[str]:
        changed = []
        for name, sha256 in record.code.modules.items():
            path = _file_of(self.checkout, name)
            if path is None:
                changed.append(f"{name} is gone")
            elif not self._is_the_same(path, sha256, record.code.commit):
                changed.append(f"{name} has changed")
        return changed

    @functools.cache  # noqa: B019 - lives as long as one audit
    def _is_the_same(self, path: pathlib.Path, sha256: str, commit: str | None) -> bool:
        """Whether a file means what the recorded one meant.

        If git has that one, comments, layout and docstrings of a module may differ, and comments and layout of YAML.
        """
        if digests.find(path).sha256 == sha256:
            return True
        meaning = {".py": _meaning, ".yaml": lambda content: parse_yaml(content, path)}.get(path.suffix)
        before = self._at(commit, path.relative_to(self.checkout).as_posix()) if commit and meaning else None
        if meaning is None or before is None or hashlib.sha256(before).hexdigest() != sha256:
            return False
        try:
            return meaning(before) == meaning(path.read_bytes())
        except (SyntaxError, ValueError, OdeltError):  # a file that cannot be read differs
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
        if dataset.kind.names_read is None:
            return digests.find(location).sha256
        return digests.of_files(location, dataset.kind.names_read(location, dataset.fraction))

    @functools.cache  # noqa: B019
    def _suite(self, name: str):
        if not is_plain(name) or "/" in name:
            raise OdeltError(f"{quoted(name)} is no name of a suite")
        return load_suite(self.checkout / "config" / f"{name}.yaml")

    @functools.cache  # noqa: B019
    def _lock(self, name: str):
        return load_lock(self.checkout / self._suite(name).downloads.lock)


def _is_brought(input: Input, dataset: Dataset | None) -> bool:
    """Whether an input is the user's own folder or archive for this dataset."""
    path = dataset.path if dataset else None
    return input.external and path is not None and parameters.is_external_name(input.path, path)


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

"""Plain data from YAML and JSON, with limits. A hostile or careless file leads to an error of one line.

This module reads every YAML file of the project, and every JSON text from outside. It refuses a key that occurs twice,
where the libraries keep the last one. A YAML key that overrides one merged by `<<` does not occur twice.
"""

import json
import pathlib
from collections.abc import Hashable

import yaml

from odelt.errors import OdeltError
from odelt.files import require_regular
from odelt.quoting import one_line, quoted

LARGEST = 4 << 20  # bytes of a file
DEEPEST = 60  # levels of nesting, aliases followed
MERGE = "tag:yaml.org,2002:merge"  # of the key `<<`
MOST_VALUES = 200_000  # values, each alias counted as often as it is used


def read_yaml(path: str | pathlib.Path, what: str = "file") -> object:
    """Reads the plain data of a YAML file: dicts, lists, strings, numbers, booleans, dates, None.

    Args:
        path: the file.
        what: what a message calls it ("suite", "lock of sources").

    Raises:
        OdeltError: the file cannot be read, is no YAML, has a key twice, or is too large or too deep.
    """
    return parse_yaml(_content(path, what), path)


def read_json(path: str | pathlib.Path, what: str = "file") -> object:
    """Reads the plain data of a JSON file; see `parse_json`."""
    return parse_json(_content(path, what), path)


def _content(path: str | pathlib.Path, what: str) -> bytes:
    require_regular(path, what)
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise OdeltError(f"cannot read the {what} {path}: {error.strerror}") from None
    if len(content) > LARGEST:
        raise OdeltError(f"{path} is larger than {LARGEST >> 20} MiB: it is no {what} of this project")
    return content


def parse_yaml(content: bytes | str, path: str | pathlib.Path) -> object:
    """Does the same as `read_yaml` for a file's content. `path` is for messages."""
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
        return yaml.load(text, _Loader)
    except UnicodeDecodeError as error:
        raise OdeltError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        prefix = "" if isinstance(error, _Refused) else "not YAML: "
        raise OdeltError(f"{path}: {where}{prefix}{one_line(error.problem or error.context)}") from None
    except yaml.YAMLError as error:  # a character that YAML does not admit
        raise OdeltError(f"{path}: not YAML: {one_line(error)}") from None


def parse_json(text: str | bytes, where: str | pathlib.Path) -> object:
    """Returns the plain data in JSON text. `where` is for messages.

    Raises:
        OdeltError: it is no JSON, has a key twice, holds NaN or an infinity, or is nested too deeply.
    """
    try:
        return json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_constant)
    except RecursionError:
        raise OdeltError(f"{where}: not JSON of this project: it is nested too deeply") from None
    except ValueError as error:  # UnicodeDecodeError and JSONDecodeError among them
        raise OdeltError(f"{where}: not JSON: {one_line(error)}") from None


def _once_each(pairs: list[tuple[str, object]]) -> dict:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {quoted(twice)} is there twice; remove one of them")
    return content


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


class _Refused(yaml.MarkedYAMLError):
    """Valid YAML that this project refuses."""


class _Loader(yaml.SafeLoader):
    """Loads plain data only. It counts nodes while it composes them, each alias with all values that it repeats."""

    def __init__(self, stream):
        super().__init__(stream)
        self._open = 0
        self._measured: dict[int, tuple[int, int]] = {}  # of finished nodes: values, levels

    def fetch_flow_collection_start(self, TokenClass):
        # PyYAML looks at every open bracket again for each new one.
        if self.flow_level >= DEEPEST:
            raise _refused(self.get_mark(), f"brackets are nested more than {DEEPEST} deep")
        super().fetch_flow_collection_start(TokenClass)

    def compose_node(self, parent, index):
        mark, is_alias = self.peek_event().start_mark, self.check_event(yaml.AliasEvent)
        self._open += 1
        if self._open > DEEPEST:
            raise _refused(mark, f"values are nested more than {DEEPEST} deep")
        node = super().compose_node(parent, index)
        assert node is not None  # an event has a node
        self._open -= 1
        if not is_alias:
            self._measured[id(node)] = self._measure(node)
        elif id(node) not in self._measured:
            raise _refused(mark, "this value holds itself")
        return node

    def compose_mapping_node(self, anchor):
        node = super().compose_mapping_node(anchor)
        lines: dict[Hashable, int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != MERGE:
                name, line = self.construct_object(key), key.start_mark.line + 1
                if name in lines:
                    where = "twice in this line" if lines[name] == line else f"also in line {lines[name]}"
                    raise _refused(key.start_mark, f"the key {quoted(key.value)} is {where}; remove one of them")
                lines[name] = line
        return node

    def construct_object(self, node, deep=False):
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, TypeError, OverflowError):  # as PyYAML's constructors fail
            kind = node.tag.rpartition(":")[2]
            raise _refused(node.start_mark, f"{quoted(node.value)} is no value of the type '{kind}'") from None

    def _measure(self, node: yaml.Node) -> tuple[int, int]:
        children = []
        if isinstance(node, yaml.MappingNode):
            children = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        known = [self._measured[id(child)] for child in children]
        values = 1 + sum(values for values, _ in known)
        levels = 1 + max((levels for _, levels in known), default=0)
        if values > MOST_VALUES:
            raise _refused(node.start_mark, f"more than {MOST_VALUES:,} values, with those that aliases repeat")
        if levels > DEEPEST:
            raise _refused(node.start_mark, f"values are nested more than {DEEPEST} deep, with those of aliases")
        return values, levels


def _refused(mark: yaml.Mark, problem: str) -> _Refused:
    return _Refused(problem=problem, problem_mark=mark)

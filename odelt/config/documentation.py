"""What the descriptions of the keys become: the JSON schema for editors, and the tables of `config/README.md`."""

import json
import pathlib
from collections.abc import Iterator

import yaml

from odelt import files
from odelt.config.latency_study import LatencyStudy
from odelt.config.registry import Registry
from odelt.config.suite import CONFIG, Suite
from odelt.errors import OdeltError

SCHEMA = pathlib.Path("docs/config.schema.yaml")
README = CONFIG / "README.md"
BEGIN = "<!-- `odelt schema --write` writes the tables from odelt/config/. -->\n"
END = "<!-- The tables end here. -->\n"
TITLES = {Suite: "A suite", Registry: "The registry of sources, `sources.yaml`", LatencyStudy: "A latency study"}
COLUMNS = ("key", "value", "default", "meaning")
LIMITS = {
    "minimum": "≥",
    "exclusiveMinimum": ">",
    "maximum": "≤",
    "exclusiveMaximum": "<",
    "multipleOf": "a multiple of",
}


def schema() -> str:
    """Returns the JSON schema of a suite, as YAML."""
    content = yaml.safe_dump(Suite.model_json_schema(), sort_keys=False, allow_unicode=True)
    return f"# Written by `odelt schema --write` from odelt/config/.\n{content}"


def tables() -> str:
    """Returns a Markdown table of keys for each section of a suite, of the registry and of a latency study."""
    parts = []
    for section, title in TITLES.items():
        whole = section.model_json_schema()
        for path, below in _sections(whole, whole.get("$defs", {}), ""):
            heading = f"### `{path}`" if path else f"## {title}"
            parts.append(f"{heading}\n\n{' '.join(below['description'].split())}\n\n{_table(below)}")
    return "\n".join(parts)


def texts(project: pathlib.Path = pathlib.Path()) -> dict[pathlib.Path, str]:
    """Returns the text that each generated file of a checkout should have. Raises OdeltError without its README."""
    readme = project / README
    try:
        before, rest = readme.read_text(encoding="utf-8").split(BEGIN)
        after = rest.split(END)[1]
    except (OSError, ValueError, IndexError):
        raise OdeltError(f"{readme} has no tables of keys; start in the project's folder") from None
    return {project / SCHEMA: schema(), readme: f"{before}{BEGIN}\n{tables()}\n{END}{after}"}


def write() -> None:
    """Brings the generated files of the checkout in the working directory up to date."""
    for path, text in texts().items():
        files.write_text(path, text)


def _sections(section: dict, defs: dict, path: str) -> Iterator[tuple[str, dict]]:
    """Yields the section, and the sections below it, with their paths."""
    yield path, section
    for name, value in section["properties"].items():
        for step, reference in _references(value):
            yield from _sections(defs[reference], defs, f"{path}.{name}{step}".removeprefix("."))


def _references(value: dict) -> Iterator[tuple[str, str]]:
    """Yields the sections that a key may hold, each with the step from the key to it."""
    if "$ref" in value:
        yield "", value["$ref"].rpartition("/")[2]
    for choice in _choices(value):
        yield from _references(choice)
    if "items" in value:
        yield from _references(value["items"])
    if "patternProperties" in value:
        for step, reference in _references(_named(value)):
            yield f".<name>{step}", reference


def _table(section: dict) -> str:
    rows = [COLUMNS, ("---",) * len(COLUMNS)]
    for name, value in section["properties"].items():
        default = "required" if name in section.get("required", ()) else _default(value)
        rows.append((f"`{name}`", _words(value), default, value["description"]))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _default(value: dict) -> str:
    """Returns nothing where the description says it, or the keys below have their own."""
    default = value.get("default")
    return "" if default is None or isinstance(default, dict) else _text(default)


def _words(value: dict) -> str:
    """Returns in words what values a schema admits."""
    if "$ref" in value:
        return "block"
    if choices := [choice for choice in _choices(value) if choice.get("type") != "null"]:
        return " or ".join(dict.fromkeys(map(_words, choices)))
    if "const" in value or "enum" in value:
        return ", ".join(map(_text, value.get("enum", [value.get("const")])))
    match value["type"]:
        case "array" if "prefixItems" in value:
            return f"[{', '.join(map(_words, value['prefixItems']))}]"
        case "array":
            return f"list: {_words(value['items'])}"
        case "object":
            return f"by name: {_words(_named(value))}"
        case "boolean":
            return "true, false"
        case "integer" | "number":
            return f"{value['type']}{_range(value)}"
    return "text"


def _range(value: dict) -> str:
    return "".join(f", {words} {value[limit]:g}" for limit, words in LIMITS.items() if limit in value)


def _choices(value: dict) -> list[dict]:
    return value.get("anyOf", value.get("oneOf", []))


def _named(value: dict) -> dict:
    (named,) = value["patternProperties"].values()
    return named


def _text(value: object) -> str:
    return f"`{value}`" if isinstance(value, str) else json.dumps(value)

"""The small parts of a crate's JSON-LD."""

import hashlib
import json
import pathlib
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from odelt.provenance.record import Record, canonical

WORKFLOW_RO_CRATE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    WORKFLOW_RO_CRATE: "Workflow RO-Crate",
}
LICENCE = "https://spdx.org/licenses/MIT"
PAPER = "https://arxiv.org/abs/2506.21714"  # the project names no address of its own
BIOSCHEMAS = "https://bioschemas.org/profiles/{}/1.0-RELEASE"
AGENT = "#agent"  # who ran the jobs
AUTHORS, SNAKEMAKE, LANGUAGE = "#authors", "#snakemake", "#snakemake-language"
MEDIA = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".md": "text/markdown",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".yaml": "application/yaml",
    ".npz": "application/zip",
    ".smk": "text/plain",
    "": "text/plain",  # the Snakefile
}


def entity(id: str, type: str | list[str], name: str, **properties: Any) -> dict:
    """Returns an entity. Properties that are None are left out."""
    known = {key: value for key, value in properties.items() if value is not None}
    return {"@id": id, "@type": type, "name": name, **known}


def fixed(snakemake: str) -> Iterator[dict]:
    """Yields the entities of every crate: profiles, licence, people, and Snakemake with this version."""
    for id, name in PROFILES.items():
        yield entity(id, "CreativeWork", name, version=id.rpartition("/")[2])
    yield entity(LICENCE, "CreativeWork", "MIT License", url=LICENCE)
    yield entity(AUTHORS, "Organization", "The odelt reproduction's authors", url=PAPER)
    yield entity(AGENT, "Person", "whoever ran the workflow", description="Records name no person.")
    home = "https://snakemake.github.io"
    yield entity(SNAKEMAKE, "SoftwareApplication", "Snakemake", url=home, softwareVersion=snakemake)
    yield entity(LANGUAGE, "ComputerLanguage", "Snakemake", url=home, identifier=home)


def media(path: str) -> str:
    return MEDIA.get(pathlib.PurePosixPath(path).suffix, "application/octet-stream")


def action(id: str, name: str, description: str, records: Iterable[Record], **properties: Any) -> dict:
    """Returns an action that lasted as long as the jobs of these records."""
    return entity(
        id,
        "CreateAction",
        name,
        description=description,
        startTime=min(record.started for record in records),
        endTime=max(record.ended for record in records),
        actionStatus="http://schema.org/CompletedActionStatus",
        agent={"@id": AGENT},
        **properties,
    )


def formal_parameter(id: str, name: str, kind: str) -> dict:
    profile = {"@id": BIOSCHEMAS.format("FormalParameter")}
    return entity(id, "FormalParameter", name, additionalType=kind, conformsTo=profile)


def property_values(verb: str, record: Record, types: Mapping[str, str]) -> list[dict]:
    """Returns the values of the verb's parameters. A text parameter has values that are no text as JSON."""
    entities = []
    for name, kind in types.items():
        if (given := record.parameters.get(name)) is not None:
            value = given if kind != "Text" or isinstance(given, str) else json.dumps(given, ensure_ascii=False)
            slot = local("parameter", f"{verb}/{name}")
            id = f"{slot}@{short(given)}"
            entities.append(entity(id, "PropertyValue", name, value=value, exampleOfWork={"@id": slot}))
    return entities


def kind_of(values: Sequence[Any]) -> str:
    for kind, known in (("Boolean", bool), ("Integer", int)):
        if all(type(value) is known for value in values):
            return kind
    return "Float" if all(type(value) in (int, float) for value in values) else "Text"


def slot(tool: str, side: str, kind: str) -> str:
    return local("parameter", f"{tool}/{side}-{kind}")


def short(content: object) -> str:
    return hashlib.sha256(canonical(content)).hexdigest()[:12]


def local(kind: str, path: str) -> str:
    return f"#{kind}/{quoted(path)}"


def quoted(path: str) -> str:
    return urllib.parse.quote(path)


def refs(ids: Iterable[str]) -> object:
    """Returns references in the form of compacted JSON-LD: a single one is in no list. None: there are none."""
    return one_or_all([{"@id": id} for id in ids]) or None


def one_or_all(values: Sequence) -> object:
    return values[0] if len(values) == 1 else list(values)


def tool(record: Record) -> str:
    """Returns the identifier of a verb as it ran. With other code, packages or variables it is another tool."""
    made_with = [record.code.model_dump(mode="json"), record.environment.python, record.environment.packages]
    made_with += [record.environment.settings] if record.environment.settings else []
    return f"{local('tool', record.verb)}/{short(made_with)}"


def version(record: Record) -> str:
    modules = f"modules {short(record.code.modules)}"
    return f"{record.code.commit or modules}{', changed' if record.code.dirty else ''}"

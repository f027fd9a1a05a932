"""Whether a crate says what the records say. It is built again from them, in memory, and compared.

Nothing but the suite's folder is needed. Two things no record tells: which version of Snakemake ran, and what the
workflow's files hold; of these the crate's own record has the digests.
"""

import importlib.metadata
import json
import pathlib
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from odelt.audit import crate
from odelt.audit.crate import entities, jsonld
from odelt.audit.folder import Folder
from odelt.config import parse
from odelt.errors import OdeltError
from odelt.plain_data import parse_json
from odelt.provenance import parameters
from odelt.provenance.record import Record
from odelt.quoting import one_line, printable, quoted

METADATA = "ro-crate-metadata.json"
BY = "by the records"  # what is expected of the crate


def differences(folder: Folder, record: Record) -> Iterator[str]:
    """Where a crate and the records of its folder differ, in words; times are no difference.

    Args:
        folder: the suite's.
        record: the crate's own, with which the crate's files agree.
    """
    path = folder.root / record.output.path
    held = record.output.files or {}
    if lacking := {METADATA, crate.RECORDS} - held.keys():
        yield f"lacks {_listed(lacking)}"
        return
    try:
        known = crate.records(folder, record.suite)
        again = _records(parse_json((path / crate.RECORDS).read_bytes(), crate.RECORDS))
        described = _entities(parse_json((path / METADATA).read_bytes(), METADATA))
        if differing := _differing_records(again, known):
            yield differing
            return
        # Of the crate's own records, whose times may be those of an earlier run with the same outcome.
        graph = entities.Graph(folder, record.suite, again, _workflow(record), _snakemake(described))
        yield from [*_differing_files(graph, record, path)] or _differing_metadata(graph, path, described, record)
    except RecursionError:
        yield f"cannot be compared with the records: {METADATA} or {crate.RECORDS} is nested too deeply"
    except (OdeltError, OSError) as error:
        yield f"cannot be compared with the records: {one_line(error)}"


def _records(content: object) -> dict[str, Record]:
    """The records in the crate, by the output's name."""
    if not isinstance(content, dict):
        raise OdeltError(f"{crate.RECORDS} holds no records by name")
    return {name: parse(Record, content[name], f"{crate.RECORDS}: {quoted(name)}") for name in sorted(content)}


def _differing_records(again: Mapping[str, Record], known: Mapping[str, Record]) -> str | None:
    if edited := [name for name, record in again.items() if record.seal != record.proper_seal]:
        return f"its {crate.RECORDS} was edited: content and seal do not agree for {_listed(edited)}"
    given, expected = ({name: record.lasting for name, record in records.items()} for records in (again, known))
    return parameters.difference(crate.RECORDS, given, expected, BY)


def _workflow(record: Record) -> list[str]:
    """The workflow's files, which the crate was made from, the main one first."""
    main = crate.WORKFLOW.as_posix()
    return [main, *sorted({input.path for input in record.inputs if input.external} - {main})]


def _entities(metadata: Any) -> dict[str, object]:
    """The context and the entities of a crate's metadata, by their @id."""
    try:
        by_id = {str(entity["@id"]): entity for entity in metadata["@graph"]}
        if len(by_id) == len(metadata["@graph"]):
            return {"@context": metadata["@context"], **by_id}
    except (LookupError, TypeError):
        pass
    raise OdeltError(f"{METADATA} holds no list of entities, each once")


def _snakemake(described: dict) -> str:
    entity = described.get(jsonld.SNAKEMAKE)
    return str(entity.get("softwareVersion")) if isinstance(entity, dict) else "not known"


def _differing_files(graph: entities.Graph, record: Record, path: pathlib.Path) -> Iterator[str]:
    """Files that it holds or lacks, and copies that are no copies."""
    held = record.output.files or {}
    expected = {urllib.parse.unquote(entity["@id"]) for entity in graph.files()} | {METADATA}
    if lacking := expected - held.keys():
        yield f"lacks {_listed(lacking)}"
    if strange := held.keys() - expected:
        yield f"holds {_listed(strange)}, which no record tells of"
    digests = {urllib.parse.unquote(id): graph.known[name].output.sha256 for id, name in graph.copy_of.items()}
    digests |= {input.path: input.sha256 for input in record.inputs if input.external}
    if other := {name for name, sha256 in digests.items() if name in held and held[name] != sha256}:
        yield f"holds {_listed(other)}, which is not what the records say"
    if crate.README in held and (path / crate.README).read_bytes() != crate.readme(graph).encode():
        yield f"its {crate.README} does not say what the records say"


def _differing_metadata(graph: entities.Graph, path: pathlib.Path, described: dict, record: Record) -> Iterator[str]:
    names = [entity["@id"] for entity in graph.files()]
    again = crate.assembled(graph, {name: path / urllib.parse.unquote(name) for name in names})
    for entity in again.data_entities:
        for _ in entity.stream():  # which notes the size
            pass
    expected = _entities(json.loads(json.dumps(again.metadata.generate())))
    if differing := parameters.difference(METADATA, described, expected, BY):
        before, now = record.environment.packages.get("rocrate"), importlib.metadata.version("rocrate")
        other = f" (written with rocrate {printable(before)}; here is {now})" if before != now else ""
        yield f"{differing}{other}"


def _listed(names: Iterable[str]) -> str:
    first = sorted(names)
    return f"{', '.join(map(printable, first[:3]))}{f' and {len(first) - 3} more' if len(first) > 3 else ''}"

"""A suite's results as an RO-Crate: which job made what from what, for readers who do not know this project.

Profile: Provenance Run Crate 0.5 (https://w3id.org/ro/wfrun/provenance/0.5). Everything in it comes from the records,
so the same records give the same crate.
"""

import io
import json
import pathlib
from collections.abc import Mapping

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from odelt import files, trace
from odelt.audit.crate import entities, jsonld
from odelt.audit.folder import Folder
from odelt.errors import OdeltError
from odelt.provenance.environment import version as installed
from odelt.provenance.record import RETOLD, Record
from odelt.quoting import quoted

WORKFLOW, RULES = pathlib.Path("Snakefile"), pathlib.Path("workflow", "rules")
RECORDS, README = entities.RECORDS, entities.README
SCHEMA, BIOSCHEMAS = "http://schema.org/", "https://bioschemas.org/"
NAMED_OTHERWISE = {"File": f"{SCHEMA}MediaObject"} | {
    kind: BIOSCHEMAS + kind for kind in ("ComputationalWorkflow", "FormalParameter")
}
CONTEXT = "https://w3id.org/ro/terms/workflow-run/context"


def write(suite: str, results: pathlib.Path, out: pathlib.Path) -> None:
    """Writes the crate of a suite's results to the directory `out`, and replaces an earlier one.

    It holds the workflow's files, which are in the working directory, copies of the outputs that people read
    (`outputs/<path>`), all records (RECORDS), and their graph. Of the results it reads only what it copies.

    Raises:
        OdeltError: there are no records, or one is damaged or of another suite; an output to copy is not what its
            record says; the workflow is not in the working directory; a folder cannot be read.
    """
    folder = Folder(results)
    known = records(folder, suite)
    for name, record in known.items():
        trace.retold(results / name, record.output.sha256)
        if entities.is_copied(record) and folder.hash(name) != record.output.sha256:
            raise OdeltError(f"{results / name} is not what its record says; `odelt audit` tells more")
    workflow = [WORKFLOW, *sorted(RULES.glob("*.smk"))]
    for path in workflow:
        if not path.is_file():
            raise OdeltError(f"{path} is missing: start in the project's folder")
        trace.used(path)
    version = installed("snakemake") or "not known"
    graph = entities.Graph(folder, suite, known, [path.as_posix() for path in workflow], version)
    contents = {name: record.model_dump(mode="json") for name, record in known.items()}
    sources: dict[str, pathlib.Path | io.StringIO] = {id: results / name for id, name in graph.copy_of.items()}
    sources |= {path.as_posix(): path for path in workflow}
    sources[RECORDS] = io.StringIO(json.dumps(contents, indent=1, ensure_ascii=False) + "\n")
    sources[README] = io.StringIO(readme(graph))
    with files.writing_whole(out) as draft:
        assembled(graph, sources).write(draft)


def records(folder: Folder, suite: str | None) -> dict[str, Record]:
    """Reads all records, by the output's name, except those of outputs that repeat the records (RETOLD).

    Raises:
        OdeltError: there are none, one cannot be trusted or is of another suite, or a folder cannot be read.
    """
    known = {}
    for name in folder.records():
        if name in RETOLD:
            continue
        record, fault = folder.record(name)
        if record is None:
            raise OdeltError(f"{folder.root / name}: {fault}; `odelt audit` tells more")
        if record.seal != record.proper_seal or record.output.path != name:
            raise OdeltError(f"{folder.root / name}: its record was edited or moved; `odelt audit` tells more")
        if record.suite != suite:
            raise OdeltError(f"{folder.root / name}: its record is of another suite, {quoted(record.suite)}")
        known[name] = record
    for name, fault in folder.unreadable.items():
        raise OdeltError(f"{folder.root / name} cannot be read: {fault}; give yourself access to it, or remove it")
    if not known:
        raise OdeltError(f"{folder.root} holds no record, so nothing is known that a crate could tell")
    return known


def readme(graph: entities.Graph) -> str:
    lines = (
        f"# The suite '{graph.suite}' of odelt",
        f"{entities.DESCRIPTION} The suite's digest: `{graph.digest}`.",
        "`outputs/` holds what people read; larger files are described in `ro-crate-metadata.json` with their "
        f"digests. `{RECORDS}` holds the record of every output.",
    )
    return "\n\n".join(lines) + "\n"


def assembled(graph: entities.Graph, sources: Mapping[str, pathlib.Path | io.StringIO]) -> ROCrate:
    """Builds the crate with its files. `sources` has their contents by @id."""
    crate = _crate(graph)
    for entity in graph.files():
        crate.add_file(sources[entity["@id"]], entity["@id"], properties=entity, record_size=True)
    crate.mainEntity = crate.get(WORKFLOW.as_posix())
    return crate


def _crate(graph: entities.Graph) -> ROCrate:
    """Builds the crate without its files: the root, and the entities that are only described."""
    crate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append(CONTEXT)
    crate.metadata.extra_terms |= _names(graph)
    crate.metadata["conformsTo"] = [{"@id": crate.metadata.profile}, {"@id": jsonld.WORKFLOW_RO_CRATE}]
    for name, value in graph.root().items():
        crate.root_dataset[name] = value
    for entity in graph.described():
        crate.add(ContextEntity(crate, entity["@id"], properties=entity))
    return crate


def _names(graph: entities.Graph) -> dict:
    """Terms of the context that put a graph's relative names below `graph.base`, except the metadata file's own.

    The profile recommends that names of software are on the web, and its validator holds a crate in a folder to that
    (https://github.com/crs4/rocrate-validator/issues/51); the metadata file it looks for in the folder.
    """
    types = {kind for entity in (*graph.files(), *graph.described()) for kind in _listed(entity["@type"])}
    below = {"@base": graph.base}
    scoped = {
        kind: {"@id": NAMED_OTHERWISE.get(kind, SCHEMA + kind), "@context": below | {"@propagate": True}}
        for kind in sorted({*types, "Dataset"} - {"CreativeWork"})
    }
    return scoped | {"about": {"@id": f"{SCHEMA}about", "@context": below}}


def _listed(value: object) -> list:
    return value if isinstance(value, list) else [value]

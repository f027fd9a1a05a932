"""The page's data: the audit, the published tables with the files behind their numbers, and the audited files.

The data comes from the audit and from files in its folder. Neither is trusted: texts lose their control characters, no
file outside of the folder is opened, and a file that cannot be read is left out or reported.
"""

import json
from collections.abc import Callable
from typing import Any

import yaml

from odelt.audit import snapshot
from odelt.audit.audit import Audit
from odelt.audit.chain import REMOVED, VERIFIED, Chain
from odelt.audit.folder import Folder
from odelt.audit.page.file_entries import FileEntries
from odelt.audit.page.plain_texts import dotted_pairs, printable_values, read_text
from odelt.audit.page.table_entries import TableEntries
from odelt.config.registry import load_registry
from odelt.errors import OdeltError
from odelt.layout import paths
from odelt.plain_data import read_yaml
from odelt.quoting import printable
from odelt.sources.lock import load_lock, trusted

VERDICTS = f"{paths.VERDICTS}.json"


def page_data(audited: Audit, suite: str, made: str) -> dict[str, Any]:
    """Collects everything that the page shows. `made` is the time at which the audit ended.

    Files are sorted by path. Other parts refer to a file by its index in that list.
    """
    chain = audited.chain
    index_of = {name: index for index, name in enumerate(sorted(chain.nodes))}
    files, tables = FileEntries(chain, index_of), TableEntries(chain, index_of)
    unsound = _unsound(chain)
    return {
        "suite": printable(suite),
        "audit": _outcome(audited, made),
        "verdicts": _verdicts(chain, unsound),
        "tables": list(tables.entries()),
        "files": [files.entry(chain.nodes[name], name not in unsound) for name in index_of],
        "codes": files.codes.values,
        "environments": files.environments.values,
        "parameters": files.parameters.values,
        "published": tables.comparisons.values,
        "published_in": publications(chain.folder),
        "sources": downloads(chain),
    }


def _outcome(audited: Audit, made: str) -> dict[str, Any]:
    nodes = audited.chain.nodes.values()
    states = [node.state for node in nodes]
    records = [node.record for node in nodes if node.record]
    verified, removed = states.count(VERIFIED), states.count(REMOVED)
    devices = {record.environment.device for record in records} - {None}
    commits = sorted({(record.code.commit or "", bool(record.code.dirty)) for record in records})
    return {
        "folder": audited.folder_name,
        "digest": audited.digest,
        "verified": verified,
        "removed": removed,
        "broken": len(states) - verified - removed,
        "problems": audited.problems,
        "made": made,
        "commits": [{"commit": commit, "dirty": dirty} for commit, dirty in commits if commit],
        "machines": sorted(map(printable, devices)),
    }


def _unsound(chain: Chain) -> set[str]:
    """The files that are not verified, and all files that were made from them."""
    return chain.resting_on(node.name for node in chain.nodes.values() if node.state not in (VERIFIED, REMOVED))


def _verdicts(chain: Chain, unsound: set[str]) -> dict[str, str] | None:
    """The texts in the file of the verdicts. `unverified` says why they are not reliable; it is empty if they are."""
    try:
        content = json.loads(read_text(chain.folder, VERDICTS))["verdicts"]
        texts = {name: printable(str(content.get(name) or "")) for name in ("summary", "rule", "against")}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        texts = {}
    unverified = _why_unverified(chain, VERDICTS, unsound)
    return {**texts, "unverified": unverified} if texts or unverified else None


def _why_unverified(chain: Chain, name: str, unsound: set[str]) -> str:
    """Says why a file is not verified. The text is empty if the file is verified, or if it never existed."""
    if name not in unsound:
        return ""
    problems = chain.nodes[name].problems
    if not problems:
        return f"something that {name} was made from is not verified"
    return printable(f"{name} {problems[0].partition(':')[0]}")  # the audit's own list has the digests too


def publications(folder: Folder) -> dict[str, dict[str, str]]:
    """Describes the source of each published number, by its key in the published numbers."""
    content = _load_copy(folder, snapshot.PUBLISHED, read_yaml)  # of any version
    sources = content.get("sources") if isinstance(content, dict) else None
    known = sources.items() if isinstance(sources, dict) else ()
    return {printable(key): dict(dotted_pairs(origin)) for key, origin in known if isinstance(origin, dict)}


def downloads(chain: Chain) -> dict[str, dict[str, str]]:
    """Describes each downloaded source, by its name: what it is, its licence, its address, the state of its digest."""
    registry = _load_copy(chain.folder, snapshot.REGISTRY, load_registry)
    lock = _load_copy(chain.folder, snapshot.LOCK, load_lock)
    records = [node.record for node in chain.nodes.values() if node.record]
    fetched = {str(record.parameters.get("name")) for record in records if record.verb == "fetch"}
    described = {}
    for name, source in (registry.sources if registry else {}).items():
        if name in fetched:
            digest = trusted(lock, name) if lock and lock.of(name) else "no digest of it is in the lock"
            facts = {"what": source.what, "licence": source.licence, "address": source.address, "lock": digest}
            revision = {"revision": source.hub.revision} if source.hub else {}
            described[name] = printable_values(facts | revision)
    return described


def _load_copy(folder: Folder, name: str, load: Callable) -> Any:
    """Loads a copy. The result is None if the copy is missing or damaged; the audit reports that as a problem."""
    try:
        return load(folder.root / name) if folder.is_file(name) else None
    except (OdeltError, OSError, ValueError, RecursionError, yaml.YAMLError):
        return None

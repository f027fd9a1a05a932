"""The sources that the page names: downloads and publications, as copies of the project's files describe them."""

from collections.abc import Callable
from typing import Any

import yaml

from odelt.audit import snapshot
from odelt.audit.chain import Chain
from odelt.audit.folder import Folder
from odelt.audit.page.plain_texts import dotted_pairs, printable_values
from odelt.config.registry import load_registry
from odelt.errors import OdeltError
from odelt.plain_data import read_yaml
from odelt.quoting import printable
from odelt.sources.lock import load_lock, trusted


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

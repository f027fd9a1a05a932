"""The user's own files, which Snakemake does not watch: folders of images, ImageNet's tar.

What stands for them is a parameter of the rules that read them, so that Snakemake makes again what a change of them
touches. It is no property of a result: records hold the files' digest instead, and a copied folder is the same.
"""

import functools
import hashlib
import json
import pathlib

from odelt import files, plain_data
from odelt.config import Dataset, Suite
from odelt.errors import OdeltError
from odelt.kinds import Kind
from odelt.machine import alive

MEMORY = alive.FOLDER / "own-files.json"  # goes with what Snakemake itself remembers of parameters


def fingerprint(dataset: Dataset) -> str:
    """Names, sizes and times of the dataset's own files; of files that are gone, the last ones that a run has seen.

    So results stay finished when the images they were made from are put away. Empty where there have been none.
    """
    if dataset.path is None:
        return ""
    return stamps(dataset.kind, dataset.path) or _remembered().get(dataset.path, "")


def remember(suite: Suite) -> None:
    """Keeps the fingerprints of what is there now; a run calls this before its first job."""
    own = [(dataset.kind, dataset.path) for dataset in suite.datasets.values() if dataset.path]
    now = {path: known for kind, path in own if (known := stamps(kind, path))}
    before = _remembered()
    if before | now != before:
        files.write_text(MEMORY, json.dumps(before | now, indent=1) + "\n")


@functools.cache
def stamps(kind: Kind, path: str) -> str:
    """Returns a text that changes with the names, sizes or times of the user's files.

    It is empty if none of them exists. A process computes it once.
    """
    own = pathlib.Path(path)
    found = [(name, stamp) for name in kind.own_files(own) if (stamp := _stamp(own / name))]
    lines = "".join(f"{stamp} {name}\n" for name, stamp in found)
    return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()[:16] if found else ""


def _stamp(path: pathlib.Path) -> str:
    """Returns size and time of change; empty if nothing exists there, as behind a broken link."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"


def _remembered() -> dict[str, str]:
    files.require_regular(MEMORY)
    try:
        content = plain_data.parse_json(MEMORY.read_bytes(), MEMORY)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise OdeltError(f"cannot read {MEMORY}: {error.strerror}") from None
    if not isinstance(content, dict):
        raise OdeltError(f"{MEMORY} is damaged: delete it")
    return content

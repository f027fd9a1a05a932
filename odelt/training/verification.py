"""Digests of saved states: how a damaged one is known.

A saved state is a folder with a folder for each of its items. Before Orbax gives such a folder its name, the item's
handler writes the sha256 of each of its files there. So no saved state is without its digests, however a process ends.
"""

import json
import pathlib
from collections.abc import Iterable

import orbax.checkpoint as ocp

from odelt.errors import OdeltError
from odelt.plain_data import parse_json
from odelt.provenance import digests

LIST = "sha256.json"  # of an item's folder: digests by path


class _Digested(ocp.CheckpointHandler):
    """A handler that lists the digests of an item's files when they have all been written."""

    def finalize(self, directory) -> None:
        super().finalize(directory)
        folder = pathlib.Path(directory)
        (folder / LIST).write_text(json.dumps(digests.find(folder).files, indent=1), encoding="utf-8")


class ArraysHandler(_Digested, ocp.StandardCheckpointHandler):
    """Of a tree of arrays."""


class JsonHandler(_Digested, ocp.JsonCheckpointHandler):
    """Of plain data."""


def damage(step: pathlib.Path, items: Iterable[str]) -> str | None:
    """What is wrong with a saved state, in words that name the first bad file; None where it is whole.

    Raises:
        OdeltError: a file cannot be read for another reason than that it is missing.
    """
    return next((fault for item in sorted(items) if (fault := _damage_of_item(step / item))), None)


def _damage_of_item(folder: pathlib.Path) -> str | None:
    listing = folder / LIST
    try:
        listed = parse_json(listing.read_bytes(), listing)
        present = digests.find(folder).files or {}
    except (FileNotFoundError, NotADirectoryError):
        return f"{listing} is missing"
    except OSError as error:
        raise OdeltError(f"cannot read {error.filename or folder}: {error.strerror}; make it readable") from None
    except OdeltError:
        return f"{listing} is not as it was written"
    if not isinstance(listed, dict):
        return f"{listing} is not as it was written"
    for name, sha256 in sorted(listed.items()):
        if present.get(name) != sha256:
            return f"{folder / name} is {'not as it was written' if name in present else 'missing'}"
    return None

"""Notes in the tables on the files that their numbers depend on."""

import pathlib
from collections.abc import Iterable

from odelt.config import Codec
from odelt.publishing import text
from odelt.results.rows import read_json
from odelt.sources.lock import TRUSTED_ON_FIRST_USE, load_lock, trusted


def on_trust(lock: pathlib.Path, sources: Iterable[str]) -> str:
    """Names the downloads that nobody has vouched for: those recorded on first use, and those not recorded."""
    known = load_lock(lock)
    names = [name for name in sources if not known.of(name) or trusted(known, name) == TRUSTED_ON_FIRST_USE]
    return (
        f"Digests {TRUSTED_ON_FIRST_USE}, which nobody has vouched for yet: {text.plain(', '.join(names))}."
        if names
        else ""
    )


def on_references(path: pathlib.Path) -> str:
    """Says how far the downloaded reference statistics are from those of the images (SPEC 6)."""
    fid = read_json(path, lambda raw: {label: float(value) for label, value in raw["fid"].items()})
    if not fid:
        return ""
    distances = text.plain(", ".join(f"{value:.2f} ({label})" for label, value in fid.items()))
    return f"Fréchet distance of the downloaded reference statistics to the recomputed ones: {distances}."


def on_precision(path: pathlib.Path, codec: Codec) -> str:
    """Says how much mixed precision changes, or would change, the decoded images."""
    error = read_json(path, lambda raw: float(raw["images_rms"]))
    if error is None:
        return ""
    return f"Codec in {codec.dtype}; decoded images differ by {error:.2g} (r.m.s., of a range of 2) in bfloat16."

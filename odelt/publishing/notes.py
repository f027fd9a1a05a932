"""Notes in the tables on the files that their numbers depend on."""

import pathlib
from collections.abc import Iterable, Mapping

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
    """Says how much each precision changes, or would change, the decoded images and FID."""
    errors = read_json(path, lambda raw: {name: _error(error) for name, error in raw["errors"].items()})
    if not errors:
        return ""
    each = text.plain("; ".join(f"{name} {error}" for name, error in errors.items()))
    return f"Codec in {codec.dtype}. How far images (r.m.s., of a range of 2) and FID are from float32's: {each}."


def _error(of_precision: Mapping) -> str:
    return f"{float(of_precision['images_rms']):.2g} and {float(of_precision['fid']):.2g}"

"""FID from statistics (SPEC 6): to each downloaded reference, to the images themselves, and in clean-fid's clean mode.

Means and covariances are those of Inception's 2,048 features in two protocols: `legacy`, that of the references, and
`clean`. `odelt.vision.describing` makes them; here nothing but arrays is needed.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from odelt import files
from odelt.data.dataset import read_arrays
from odelt.errors import OdeltError
from odelt.evaluation import frechet
from odelt.evaluation.evaluations import counts

FEATURES = 2048
RECOMPUTED = "recomputed"  # the label of the statistics that the workflow takes of the images itself
MOMENTS = ("mu_legacy", "sigma_legacy", "mu_clean", "sigma_clean")
KEPT = ("features_legacy", "features_clean")  # of some samples, for the standard errors


def save(path: files.Path, statistics: Mapping[str, Any]) -> None:
    with files.writing(path) as draft, draft.open("wb") as file:
        np.savez(file, **statistics)


def score(
    path: pathlib.Path, real: pathlib.Path, references: Mapping[str, pathlib.Path], solver: str | None = None
) -> dict[str, Any]:
    """The scores of a sample set from its statistics file.

    `fid` by label: the legacy Fréchet distance to each reference and to the real images (`recomputed`); the first one
    again as `frechet_distance`. `fid_clean`: to the real images in the clean protocol. `standard_error`: that of each
    of these, over sample sets, under the same names. And every other number of the file, under its own name
    (`odelt.vision.describing.further`).
    """
    needed = (*MOMENTS, *KEPT, "count", "evaluations")
    made = read_arrays(path, needed, and_numbers=True)
    truth = read_arrays(real, MOMENTS)
    known = {label: load_reference(file) for label, file in references.items()}
    count = int(made["count"])

    def estimates(protocol: str, others: Mapping[str, frechet.Gaussian]) -> Mapping[str, frechet.Estimate]:
        of_real = {RECOMPUTED: _gaussian(truth, real, protocol)}
        kept = made[f"features_{protocol}"]
        return frechet.estimates(_gaussian(made, path, protocol), count, kept, {**others, **of_real})

    legacy, clean = estimates("legacy", known), estimates("clean", {})[RECOMPUTED]
    first = next(iter(legacy.values()))
    return {
        "samples": count,
        **counts(made["evaluations"], solver),
        "frechet_distance": first.distance,
        "fid": {label: each.distance for label, each in legacy.items()},
        "fid_clean": clean.distance,
        "standard_error": {
            "frechet_distance": first.error,
            "fid": {label: each.error for label, each in legacy.items()},
            "fid_clean": clean.error,
        },
        **{name: float(array) for name, array in made.items() if name not in needed},
    }


def compare(real: pathlib.Path, references: Mapping[str, pathlib.Path]) -> dict[str, Any]:
    """How far downloaded reference statistics are from those of the images: Fréchet distance, by label."""
    truth = read_arrays(real, (*MOMENTS, "count"))
    known = {label: load_reference(file) for label, file in references.items()}
    return {"images": int(truth["count"]), "fid": frechet.distances(_gaussian(truth, real, "legacy"), known)}


def load_reference(path: pathlib.Path) -> frechet.Gaussian:
    """`mu` float64 [2048] and `sigma` float64 [2048, 2048] of an npz file of statistics.

    Raises:
        OdeltError: the file is missing or damaged, or holds something else; `sigma` is no covariance.
    """
    files.require_regular(path, "reference statistics")
    mu, sigma = (np.asarray(array, np.float64) for array in read_arrays(path, ("mu", "sigma")).values())
    if mu.shape != (FEATURES,) or sigma.shape != (FEATURES, FEATURES):
        raise OdeltError(
            f"{path} holds mu {list(mu.shape)} and sigma {list(sigma.shape)}, not [{FEATURES}] and "
            f"[{FEATURES}, {FEATURES}]: it is not of the Inception features"
        )
    return frechet.check(frechet.Gaussian(mu, sigma), str(path), "delete it and fetch it again")


def _gaussian(statistics: Mapping[str, Any], path: pathlib.Path, protocol: str) -> frechet.Gaussian:
    gaussian = frechet.Gaussian(statistics[f"mu_{protocol}"], statistics[f"sigma_{protocol}"])
    return frechet.check(gaussian, f"{path} ({protocol})", "make it again")

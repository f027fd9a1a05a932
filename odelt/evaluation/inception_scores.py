"""From images to Inception scores (SPEC 6): FID in both protocols, Inception Score, KID, precision and recall.

`describe` makes of a stream of images what `score` needs; its size does not depend on their number.
"""

import pathlib
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, isc_features_to_metric
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric
from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

from odelt.errors import OdeltError
from odelt.evaluation import frechet
from odelt.evaluation.statistics import Running
from odelt.vision.inception import FEATURES, Inception, to_pixels

KID_SUBSET, ISC_SPLITS, NEIGHBOURS = 1000, 10, 3  # the defaults of torch-fidelity, and of the literature


def describe(batches: Iterable[np.ndarray], inception: Inception, *, subset: int, pictures: int = 0) -> dict[str, Any]:
    """What is kept of images that come in batches float32 [n, H, W, 3], about in [-1, 1], in one pass.

    Returns:
        `count`, the number N of images; `mu_legacy`, `mu_clean` float64 [2048] and `sigma_legacy`, `sigma_clean`
        float64 [2048, 2048] (with N − 1) of all; of the first min(subset, N) `features_legacy` float32 [·, 2048] and
        `logits_legacy` float32 [·, 1008]; of the first min(pictures, N) `pictures` uint8 [·, H, W, 3].

    Raises:
        OdeltError: there are fewer than two images, or one is not finite.
    """
    legacy, clean = Running(), Running()
    kept, shown = [], []
    for images in batches:
        if not np.isfinite(images).all():
            raise OdeltError(f"an image after the first {legacy.count} holds numbers that are not finite; sample again")
        if legacy.count < pictures:
            shown.append(to_pixels(images[: pictures - legacy.count]))
        features = inception.legacy(images)
        if legacy.count < subset:
            kept.append(features[: subset - legacy.count].copy())
        legacy.update(features)
        clean.update(inception.clean(images))
    (mu_legacy, sigma_legacy), (mu_clean, sigma_clean) = legacy.gaussian(), clean.gaussian()
    first = np.concatenate(kept)
    return {
        "count": legacy.count,
        **{"mu_legacy": mu_legacy, "sigma_legacy": sigma_legacy, "mu_clean": mu_clean, "sigma_clean": sigma_clean},
        **{"features_legacy": first, "logits_legacy": inception.logits(first)},
        **({"pictures": np.concatenate(shown)} if pictures else {}),
    }


def score(
    made: Mapping[str, Any],
    real: Mapping[str, Any],
    references: Mapping[str, tuple[np.ndarray, np.ndarray]],
    seed: int,
) -> dict[str, Any]:
    """The scores of what `describe` made of generated images, beside that of real ones.

    Returns:
        `fid`: legacy Fréchet distance to each reference (mu [2048], sigma [2048, 2048]), by label. `fid_clean`: clean
        Fréchet distance to the real images. By torch-fidelity from the kept subsets: `inception_score` (1 and more),
        `kid` (mean over random subsets of at most 1,000 images, drawn with `seed`; may be slightly negative),
        `precision` and `recall` (0..1, three neighbours).

    Raises:
        OdeltError: a subset is too small for precision and recall.
    """
    fewest = min(len(made["features_legacy"]), len(real["features_legacy"]))
    if fewest <= NEIGHBOURS:
        raise OdeltError(f"precision and recall need the features of at least {NEIGHBOURS + 1} images, not {fewest}")
    made_features, real_features = (torch.tensor(np.asarray(each["features_legacy"])) for each in (made, real))
    logits = torch.tensor(np.asarray(made["logits_legacy"]))
    inception_score = isc_features_to_metric(logits, splits=min(ISC_SPLITS, len(logits)), rng_seed=seed)
    # verbose draws a progress bar; save_cpu_ram compares batches, not all pairs of images at once.
    kid = kid_features_to_metric(
        made_features, real_features, kid_subset_size=min(KID_SUBSET, fewest), rng_seed=seed, verbose=False
    )
    shares = prc_features_to_metric(
        *(made_features, real_features),
        **{"prc_neighborhood": NEIGHBOURS, "prc_batch_size": 1000, "save_cpu_ram": True, "verbose": False},
    )
    labelled = {label: frechet.Gaussian(*reference) for label, reference in references.items()}
    return {
        "fid": frechet.distances(_gaussian(made, "legacy"), labelled),
        "fid_clean": frechet.distance(_gaussian(made, "clean"), _gaussian(real, "clean")),
        "inception_score": inception_score[KEY_METRIC_ISC_MEAN],
        "kid": kid[KEY_METRIC_KID_MEAN],
        "precision": shares[KEY_METRIC_PRECISION],
        "recall": shares[KEY_METRIC_RECALL],
    }


def load_reference(path: pathlib.Path) -> frechet.Gaussian:
    """`mu` float64 [2048] and `sigma` float64 [2048, 2048] of an npz file of statistics.

    Raises:
        OdeltError: the file is missing or damaged, or holds something else.
    """
    try:
        with np.load(path) as file:
            mu, sigma = (np.asarray(file[name], np.float64) for name in ("mu", "sigma"))
    except FileNotFoundError:
        raise OdeltError(f"{path} is missing: reference statistics (mu, sigma); fetch or make them") from None
    except (OSError, KeyError, ValueError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise OdeltError(
            f"{path} is damaged, or holds no mu and sigma; delete it and fetch or make it again"
        ) from error
    if mu.shape != (FEATURES,) or sigma.shape != (FEATURES, FEATURES):
        raise OdeltError(
            f"{path} holds mu {list(mu.shape)} and sigma {list(sigma.shape)}, not [{FEATURES}] and "
            f"[{FEATURES}, {FEATURES}]: it is not of the Inception features"
        )
    if not (np.isfinite(mu).all() and np.isfinite(sigma).all()):
        raise OdeltError(f"{path} holds numbers that are not finite; delete it and make it again")
    return frechet.Gaussian(mu, sigma)


def _gaussian(described: Mapping[str, Any], mode: str) -> frechet.Gaussian:
    return frechet.Gaussian(described[f"mu_{mode}"], described[f"sigma_{mode}"])

"""From images to what their scores are made of, in one pass whose memory does not depend on their number (SPEC 6).

FIDs are made from these statistics where no PyTorch is needed (`odelt.evaluation.fid`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, isc_features_to_metric
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric
from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

from odelt.errors import OdeltError
from odelt.evaluation.statistics import Running
from odelt.vision.inception import InceptionNetworks

KID_SUBSET, ISC_SPLITS, NEIGHBOURS = 1000, 10, 3  # the defaults of torch-fidelity, and of the literature
REAL_SUBSET = ("features_legacy",)  # what `further` needs of the real images


def describe(batches: Iterable[np.ndarray], inception: InceptionNetworks, *, subset: int) -> dict[str, Any]:
    """What is kept of images that come in batches float32 [n, H, W, 3], about in [-1, 1], in one pass.

    Returns:
        `count`, the number N of images; `mu_legacy`, `mu_clean` float64 [2048] and `sigma_legacy`, `sigma_clean`
        float64 [2048, 2048] (with N − 1) of all; of the first min(subset, N) `features_legacy` float32 [·, 2048] and
        `logits_legacy` float32 [·, 1008].

    Raises:
        OdeltError: there are fewer than two images, or one is not finite.
    """
    legacy, clean = Running(), Running()
    kept = []
    for images in batches:
        if not np.isfinite(images).all():
            raise OdeltError(f"an image after the first {legacy.count} holds numbers that are not finite; sample again")
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
    }


def further(made: Mapping[str, Any], real: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Scores of the kept features of `describe`, of generated images beside real ones, by torch-fidelity.

    `inception_score` (1 and more); `kid` (mean over random subsets of at most 1,000 images, drawn with `seed`; may be
    slightly negative); `precision` and `recall` (0..1, three neighbours).

    Raises:
        OdeltError: there are too few images for precision and recall.
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
    return {
        "inception_score": inception_score[KEY_METRIC_ISC_MEAN],
        "kid": kid[KEY_METRIC_KID_MEAN],
        "precision": shares[KEY_METRIC_PRECISION],
        "recall": shares[KEY_METRIC_RECALL],
    }

"""From images to what their scores are made of, in one pass whose memory does not depend on their number (SPEC 6).

FIDs are made from these statistics where no PyTorch is needed (`odelt.evaluation.fid`).
"""

import concurrent.futures
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, isc_features_to_metric
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric
from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

from odelt import vision
from odelt.errors import OdeltError
from odelt.evaluation.statistics import Running
from odelt.vision import streams
from odelt.vision.inception import SIDE, InceptionNetworks, resize_clean, to_pixels

KID_SUBSET, ISC_SPLITS, NEIGHBOURS = 1000, 10, 3  # the defaults of torch-fidelity, and of the literature
REAL_SUBSET = ("features_legacy",)  # what `further` needs of the real images


def describe(
    batches: Iterable[torch.Tensor], inception: InceptionNetworks, *, subset: int, pictured: Sequence[int] = ()
) -> dict[str, Any]:
    """What is kept of images that come in batches float32 [n, 3, H, W] on the device, about in [-1, 1], in one pass.

    Threads resize a batch for the clean protocol while the device computes the next. Sums are float64, on the device:
    for the same features they are numpy's up to 1e−10 of the variances (`odelt.evaluation.statistics`).

    Returns:
        `count`, the number N of images; `mu_legacy`, `mu_clean` float64 [2048] and `sigma_legacy`, `sigma_clean`
        float64 [2048, 2048] (with N − 1) of all; of the first min(subset, N) `features_legacy`, `features_clean`
        float32 [·, 2048] and `logits_legacy` float32 [·, 1008]; where any are asked for, `pictures` uint8 [P, H, W, 3],
        the images with the indices `pictured`.

    Raises:
        OdeltError: there are fewer than two images, or one is not finite.
    """
    legacy, clean = Running(), Running()
    kept: dict[str, list[torch.Tensor]] = {"legacy": [], "clean": []}
    pictures: dict[int, np.ndarray] = {}

    def started(threads: concurrent.futures.Executor) -> Iterator[_Resized]:
        for images in batches:
            resized = _Resized(images, threads, legacy.count)
            features = inception.legacy(images)
            if legacy.count < subset:
                kept["legacy"].append(features[: subset - legacy.count].clone())
            legacy.update(features.double())
            yield resized

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        for resized in streams.behind(started(threads), streams.AHEAD):
            pixels = resized.pixels
            pictures.update({k: pixels[k - clean.count].copy() for k in pictured if 0 <= k - clean.count < len(pixels)})
            features = inception.clean(vision.upload(resized.rows, inception.device))
            if clean.count < subset:
                kept["clean"].append(features[: subset - clean.count].clone())
            clean.update(features.double())
    moments: dict[str, Any] = {name: running.gaussian() for name, running in (("legacy", legacy), ("clean", clean))}
    first = {f"features_{name}": torch.cat(batches).cpu().numpy() for name, batches in kept.items()}
    return {
        "count": legacy.count,
        **{f"mu_{name}": gaussian.mean.cpu().numpy() for name, gaussian in moments.items()},
        **{f"sigma_{name}": gaussian.covariance.cpu().numpy() for name, gaussian in moments.items()},
        **first,
        "logits_legacy": inception.logits(first["features_legacy"]),
        **({"pictures": np.stack([pictures[k] for k in pictured])} if pictured else {}),
    }


class _Resized:
    """A batch in 8 bits on its way to the host, where threads resize it as soon as it is there."""

    def __init__(self, images: torch.Tensor, threads: concurrent.futures.Executor, before: int):
        self._before = before  # how many images came before
        self._finite = vision.Readback(torch.isfinite(images).all())
        self._pixels = vision.Readback(to_pixels(images).permute(0, 2, 3, 1))
        self._rows = vision.host_buffer((len(images), SIDE, SIDE, 3), torch.float32, images.device)
        self._resizing = [threads.submit(self._resize, k) for k in range(len(images))]

    def _resize(self, k: int) -> None:
        self._rows.numpy()[k] = resize_clean(self._pixels.array[k])

    @property
    def pixels(self) -> np.ndarray:
        """uint8 [n, H, W, 3]; OdeltError where an image is not finite."""
        if not self._finite.array.all():
            first = self._before
            raise OdeltError(f"an image after the first {first} holds numbers that are not finite; sample again")
        return self._pixels.array

    @property
    def rows(self) -> torch.Tensor:
        """float32 [n, 299, 299, 3], on the host; waits until all are resized."""
        for row in self._resizing:
            row.result()
        return self._rows


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

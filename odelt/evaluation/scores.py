"""The score of one sample set: its Fréchet distance to the real images and how many samples show the asked class."""

import numpy as np
import sklearn.svm

from odelt.data import digits
from odelt.data.dataset import Dataset
from odelt.evaluation import frechet


def score(
    samples: np.ndarray, labels: np.ndarray, features: np.ndarray, real: Dataset, real_features: np.ndarray
) -> dict[str, float]:
    """frechet_distance (in feature units squared) and agreement (0..1) of samples [N, H, W, C] with labels [N]."""
    return {
        "frechet_distance": frechet.distance(frechet.gaussian(features), frechet.gaussian(real_features)),
        "agreement": agreement(samples, labels, real),
    }


def agreement(samples: np.ndarray, labels: np.ndarray, real: Dataset) -> float:
    """Share of samples that get the asked label from a support-vector classifier fitted on the real images.

    The classifier is no part of the feature network.
    """
    # scikit-learn has no annotations: a type checker takes `gamma` for a text, as its default is one.
    judge = sklearn.svm.SVC(gamma=0.001, C=10)  # pyright: ignore[reportArgumentType]
    judge.fit(digits.to_pixels(real.images), real.labels)
    return float(np.mean(judge.predict(digits.to_pixels(samples)) == labels))


def floor(real_features: np.ndarray, seed: int) -> float:
    """The Fréchet distance between two random halves of the real data: what no sampler is asked to beat."""
    order = np.random.default_rng(seed).permutation(len(real_features))
    first, second = np.array_split(real_features[order], 2)
    return frechet.distance(frechet.gaussian(first), frechet.gaussian(second))

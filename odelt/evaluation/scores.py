"""Scores of small sample sets: the Fréchet distance to the real images, and how many samples show the asked class."""

from typing import Any

import numpy as np

from odelt.data.dataset import LabelledImages
from odelt.evaluation import frechet

LEVELS = 16  # of the pixels of the digits, for which the classifier's kernel is chosen


class Scorer:
    """Compares sample sets with the real images and their features."""

    def __init__(self, real: LabelledImages, real_features: np.ndarray):
        import sklearn.svm  # here, since it takes seconds, and `floor` does without

        self._real = {"": frechet.gaussian(real_features)}
        # A support-vector classifier, which is no part of the feature network.
        # scikit-learn has no annotations: a type checker takes `gamma` for a text, as its default is one.
        self._classifier = sklearn.svm.SVC(gamma=0.001, C=10)  # pyright: ignore[reportArgumentType]
        self._classifier.fit(_pixels(real.images), real.labels)

    def score(self, samples: np.ndarray, labels: np.ndarray, features: np.ndarray) -> dict[str, Any]:
        """frechet_distance (in feature units squared) and agreement (0..1) of samples [N, H, W, C] with labels [N].

        `standard_error` has the distance's, over sample sets, under its name.
        """
        made = frechet.estimates(frechet.gaussian(features), len(features), features, self._real)[""]
        return {
            "frechet_distance": made.distance,
            "agreement": self.agreement(samples, labels),
            "standard_error": {"frechet_distance": made.error},
        }

    def agreement(self, samples: np.ndarray, labels: np.ndarray) -> float:
        """Share of samples that get the asked label from the classifier."""
        return float(np.mean(self._classifier.predict(_pixels(samples)) == labels))


def _pixels(images: np.ndarray) -> np.ndarray:
    """[N, H, W, C] in [-1, 1] to 0..LEVELS (not rounded, clipped), flat [N, H·W·C]."""
    return (np.clip(images, -1, 1).reshape(len(images), -1) + 1) * (LEVELS / 2)


def floor(real_features: np.ndarray, seed: int) -> float:
    """The Fréchet distance between two random halves of the real data: what no sampler is asked to beat."""
    order = np.random.default_rng(seed).permutation(len(real_features))
    first, second = np.array_split(real_features[order], 2)
    return frechet.distance(frechet.gaussian(first), frechet.gaussian(second))

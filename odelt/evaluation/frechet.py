"""The Fréchet distance between two sets of features, each taken as a Gaussian."""

from typing import NamedTuple

import numpy as np
import scipy.linalg


class Gaussian(NamedTuple):
    mean: np.ndarray  # float64 [F]
    covariance: np.ndarray  # float64 [F, F]


def gaussian(features: np.ndarray) -> Gaussian:
    """Mean and covariance (with N − 1) of features [N, F], in float64."""
    features = np.asarray(features, np.float64)
    return Gaussian(features.mean(axis=0), np.cov(features, rowvar=False))


def distance(a: Gaussian, b: Gaussian) -> float:
    """|μ_a − μ_b|² + tr(Σ_a + Σ_b − 2 (Σ_a Σ_b)^½).

    The last trace is that of (√Σ_a Σ_b √Σ_a)^½, a symmetric matrix, so singular covariances need no care.
    """
    values, vectors = scipy.linalg.eigh(a.covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(scipy.linalg.eigvalsh(root @ b.covariance @ root).clip(0)).sum()
    return float(((a.mean - b.mean) ** 2).sum() + np.trace(a.covariance) + np.trace(b.covariance) - 2 * cross)

"""The Fréchet distance between two sets of features, each taken as a Gaussian."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import scipy.linalg
from jaxtyping import Float, Float64, Real
from scipy.linalg.lapack import dpotrf, dpstrf  # pyright: ignore[reportAttributeAccessIssue] - Fortran's functions

from odelt.errors import OdeltError

ROUNDING = 1e-5  # of the largest variance: what float32 sums leave in a covariance


class Gaussian(NamedTuple):
    mean: Float64[np.ndarray, " features"]
    covariance: Float64[np.ndarray, "features features"]


def gaussian(features: Real[np.ndarray, "images features"]) -> Gaussian:
    """Mean and covariance (with N − 1), in float64."""
    features = np.asarray(features, np.float64)
    return Gaussian(features.mean(axis=0), np.cov(features, rowvar=False))


def check(gaussian: Gaussian, where: str, remedy: str) -> Gaussian:
    """The Gaussian; OdeltError where its numbers are not finite or its covariance is none, beyond rounding.

    A covariance is symmetric, has no negative eigenvalue and is not zero. One of few images has a low rank.
    """
    mean, covariance = gaussian
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise OdeltError(f"{where} holds numbers that are not finite; {remedy}")
    rounding = ROUNDING * np.diag(covariance).max()
    if rounding <= 0:
        raise OdeltError(f"{where} holds no covariance: no variance in it is above zero; {remedy}")
    if np.abs(covariance - covariance.T).max() > rounding:
        raise OdeltError(f"{where} holds no covariance: its matrix is not symmetric; {remedy}")
    lifted = covariance + rounding * np.eye(len(covariance))
    if dpotrf(lifted, overwrite_a=True, clean=False)[1]:  # a tenth of the work of eigenvalues
        raise OdeltError(f"{where} holds no covariance: its matrix has a negative eigenvalue; {remedy}")
    return gaussian


def distance(a: Gaussian, b: Gaussian) -> float:
    """|μ_a − μ_b|² + tr(Σ_a + Σ_b − 2 (Σ_a Σ_b)^½).

    With Σ_a = L Lᵀ the last trace is that of (Lᵀ Σ_b L)^½, a symmetric matrix, so singular covariances need no care.
    """
    return _distance(a, _factor(a.covariance), b)


def distances(a: Gaussian, others: Mapping[str, Gaussian]) -> dict[str, float]:
    """The distance of `a` to each of the others, by name."""
    factor = _factor(a.covariance)
    return {name: _distance(a, factor, b) for name, b in others.items()}


def _factor(covariance: Float[np.ndarray, "features features"]) -> Float64[np.ndarray, "features rank"]:
    """L with L Lᵀ = covariance: Cholesky with pivots, a twentieth of the work of a square root.

    The covariance of a few images has a low rank, and what follows is then as small.
    """
    triangle, pivots, rank, _ = dpstrf(covariance, lower=1)
    factor = np.empty((len(covariance), rank))
    factor[pivots - 1] = np.tril(triangle)[:, :rank]
    return factor


def _distance(a: Gaussian, factor: Float64[np.ndarray, "features rank"], b: Gaussian) -> float:
    cross = np.sqrt(scipy.linalg.eigvalsh(factor.T @ b.covariance @ factor).clip(0)).sum()
    return float(((a.mean - b.mean) ** 2).sum() + np.trace(a.covariance) + np.trace(b.covariance) - 2 * cross)

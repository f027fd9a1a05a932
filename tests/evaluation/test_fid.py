"""Reference statistics: read, or refused on one line."""

import numpy as np
import pytest

from odelt.errors import OdeltError
from odelt.evaluation import fid


def test_a_reference_comes_back_in_float64(tmp_path):
    mu, sigma = np.arange(2048, dtype=np.float32), np.eye(2048, dtype=np.float32)
    np.savez(tmp_path / "r.npz", mu=mu, sigma=sigma)
    found = fid.load_reference(tmp_path / "r.npz")
    assert np.array_equal(found[0], mu) and np.array_equal(found[1], sigma)
    assert found[0].dtype == found[1].dtype == np.float64


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "is missing"),
        (b"nonsense", "damaged"),
        (b"", "damaged"),
        ("half", "damaged"),
        ({"mean": np.zeros(2048)}, "mu"),
        ({"mu": np.zeros(4), "sigma": np.zeros((4, 4))}, r"mu \[4\] and sigma \[4, 4\]"),
        ({"mu": np.full(2048, np.nan), "sigma": np.eye(2048)}, "not finite"),
        ({"mu": np.array([None]), "sigma": np.eye(2)}, "damaged"),
    ],
)
def test_a_damaged_reference_is_named(tmp_path, content, message):
    path = tmp_path / "r.npz"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "half":
        np.savez_compressed(path, mu=np.zeros(2048), sigma=np.eye(2048))
        path.write_bytes(path.read_bytes()[:2000])
    elif content is not None:
        np.savez(path, **content)
    with pytest.raises(OdeltError, match=rf"r.npz.*{message}") as raised:
        fid.load_reference(path)
    assert "\n" not in str(raised.value)


def covariance(images: int, width: int = 40) -> np.ndarray:
    return np.cov(np.random.default_rng(0).normal(size=(images, width)), rowvar=False)


def small(monkeypatch, path, sigma) -> None:
    monkeypatch.setattr(fid, "FEATURES", len(sigma))
    np.savez(path, mu=np.zeros(len(sigma)), sigma=sigma)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda sigma: -sigma, "no variance in it is above zero"),
        (lambda sigma: 0 * sigma, "no variance in it is above zero"),
        (np.tril, "its matrix is not symmetric"),
        (lambda sigma: sigma - 2 * np.diag(np.eye(len(sigma))[3] * sigma[3, 3]), "a negative eigenvalue"),
        (lambda sigma: np.diag(np.diag(sigma)) * 2 - np.ones_like(sigma), "a negative eigenvalue"),
        (lambda sigma: np.where(np.eye(len(sigma)), sigma, 3), "a negative eigenvalue"),
    ],
    ids=["negative", "zero", "a triangle", "one negative variance", "negative", "too correlated"],
)
def test_a_sigma_that_is_no_covariance_is_refused(tmp_path, monkeypatch, wrong, message):
    small(monkeypatch, tmp_path / "r.npz", wrong(covariance(100)))
    with pytest.raises(OdeltError, match=rf"r.npz holds no covariance: .*{message}; delete it and fetch it again"):
        fid.load_reference(tmp_path / "r.npz")


@pytest.mark.parametrize("images", [2, 10, 100])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_statistics_of_few_images_are_taken(tmp_path, monkeypatch, images, dtype):
    """Their covariance has a low rank, and rounding makes some of its eigenvalues slightly negative."""
    small(monkeypatch, tmp_path / "r.npz", covariance(images).astype(dtype))
    assert fid.load_reference(tmp_path / "r.npz").covariance.dtype == np.float64


def test_statistics_of_images_are_held_to_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(fid, "FEATURES", 3)
    moments = {f"mu_{mode}": np.zeros(3) for mode in ("legacy", "clean")}
    fid.save(tmp_path / "real.npz", {**moments, "sigma_legacy": -np.eye(3), "sigma_clean": np.eye(3), "count": 5})
    with pytest.raises(OdeltError, match=r"real.npz \(legacy\) holds no covariance: .*make it again"):
        fid.compare(tmp_path / "real.npz", {})


def test_references_are_compared_with_the_images(tmp_path, monkeypatch):
    monkeypatch.setattr(fid, "FEATURES", 3)
    mean, covariance = np.zeros(3), np.eye(3)
    moments = {
        f"{name}_{mode}": value for mode in ("legacy", "clean") for name, value in (("mu", mean), ("sigma", covariance))
    }
    fid.save(tmp_path / "real.npz", {**moments, "count": 5})
    np.savez(tmp_path / "same.npz", mu=mean, sigma=covariance)
    np.savez(tmp_path / "moved.npz", mu=np.array([2.0, 0, 0]), sigma=covariance)
    found = fid.compare(tmp_path / "real.npz", {name: tmp_path / f"{name}.npz" for name in ("same", "moved")})
    assert found["images"] == 5 and found["fid"] == pytest.approx({"same": 0, "moved": 4}, abs=1e-9)


def test_every_number_of_a_statistics_file_is_in_the_score_under_its_own_name(tmp_path, monkeypatch):
    monkeypatch.setattr(fid, "FEATURES", 3)
    moments = {
        f"{name}_{mode}": value
        for mode in ("legacy", "clean")
        for name, value in (("mu", np.zeros(3)), ("sigma", np.eye(3)))
    }
    fid.save(tmp_path / "real.npz", {**moments, "count": 5})
    kept = dict.fromkeys(("features_legacy", "features_clean", "features"), np.ones((5, 3)))
    fid.save(tmp_path / "made.npz", {**moments, **kept, "count": 5, "kid": 0.25, "evaluations": 4.0})
    found = fid.score(tmp_path / "made.npz", tmp_path / "real.npz", {})
    names = {"samples", "evaluations", "frechet_distance", "fid", "fid_clean", "standard_error", "kid"}
    assert found.keys() == names
    assert found["kid"] == 0.25


def test_a_statistics_file_without_its_moments_is_damaged(tmp_path):
    np.savez(tmp_path / "made.npz", kid=0.25, count=5, evaluations=4.0)
    with pytest.raises(OdeltError, match="made.npz is damaged"):
        fid.score(tmp_path / "made.npz", tmp_path / "made.npz", {})

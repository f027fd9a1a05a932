"""From a stream of images to its statistics, and from these to FID, Inception Score, KID, precision and recall."""

# ruff: noqa: E402 (imports below wait to see whether torch is there)
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
import cleanfid.fid
import torch.nn.functional as F
import torch_fidelity.metric_isc
import torch_fidelity.metric_kid

from odelt import OdeltError, vision
from odelt.evaluation import fid, frechet
from odelt.evaluation.statistics import Running
from odelt.results.columns import COLUMNS
from odelt.vision import describing, inception, streams
from rehearsal import vision as stand_ins

pytestmark = pytest.mark.torch
LEGACY = "pt_inception-2015-12-05-6726825d.pth"


class Projection:
    """Stands for the networks where only what is done with their features is at stake: two fixed projections.

    Few features, so that 50 images have covariances of full rank and square roots are quick.
    """

    device = torch.device("cpu")

    def __init__(self):
        rng = np.random.default_rng(0)
        self.kernels = torch.tensor(rng.normal(size=(2, 8 * 8 * 3, 24)).astype(np.float32) / 14)
        self.readout = rng.normal(size=(24, 1008)).astype(np.float32)

    def legacy(self, images):
        return (images.reshape(len(images), -1) @ self.kernels[0]).abs()

    def clean(self, resized):
        return self.legacy(F.adaptive_avg_pool2d(resized, 8) / 127.5 - 1)

    def logits(self, features):
        return features @ self.readout


def images(count, seed=0, strength=0.5):
    return (np.random.default_rng(seed).normal(size=(count, 8, 8, 3)) * strength).astype(np.float32)


def batches_of(images, size=16):
    for start in range(0, len(images), size):
        yield vision.upload(images[start : start + size], torch.device("cpu"))


def described(images, subset=40, batch=16, **settings):
    return describing.describe(batches_of(images, batch), Projection(), subset=subset, **settings)


def features(mode, images, networks=None):
    """Features [N, F] of images [N, H, W, 3] in a protocol, by one thing after the other."""
    networks, (batch,) = networks or Projection(), batches_of(images, len(images))
    if mode == "legacy":
        return networks.legacy(batch).numpy()
    pixels = inception.to_pixels(batch).permute(0, 2, 3, 1).numpy()
    resized = np.stack([inception.resize_clean(image) for image in pixels])
    return networks.clean(vision.upload(resized, networks.device)).numpy()


@pytest.fixture(scope="module")
def real():
    return described(images(60))


@pytest.fixture(scope="module")
def made():
    return described(images(50, seed=1, strength=0.7))


def test_statistics_are_of_all_images_and_features_of_the_first(real):
    everything = images(60)
    for mode in ("legacy", "clean"):
        expected = frechet.gaussian(features(mode, everything))
        np.testing.assert_allclose(real[f"mu_{mode}"], expected.mean, rtol=1e-6)
        np.testing.assert_allclose(real[f"sigma_{mode}"], expected.covariance, rtol=1e-4, atol=1e-6)
        assert real[f"mu_{mode}"].dtype == real[f"sigma_{mode}"].dtype == np.float64
        kept = real[f"features_{mode}"]
        np.testing.assert_allclose(kept, features(mode, everything[:40]), rtol=1e-4, atol=1e-6)
        assert kept.dtype == np.float32
    assert real["count"] == 60
    assert real["logits_legacy"].shape == (40, 1008)
    assert real["logits_legacy"].dtype == np.float32


def test_a_subset_beyond_the_images_is_all_of_them():
    assert [len(described(images(10), subset=40)[name]) for name in fid.KEPT] == [10, 10]


def test_images_that_are_not_finite_are_told():
    broken = images(20)
    broken[17] = np.nan
    with pytest.raises(OdeltError, match="after the first 16"):
        described(broken)


def test_a_stream_of_nothing_is_told():
    with pytest.raises(OdeltError, match="at least two images"):
        described(images(0))


def test_fids_are_clean_fids_distances(made, real, tmp_path, monkeypatch):
    """Through the files, as the workflow makes them; a reference is what somebody's statistics are."""
    monkeypatch.setattr(fid, "FEATURES", 24)
    fid.save(tmp_path / "made.npz", {**made, **describing.further(made, real, 0), "evaluations": 4.0})
    fid.save(tmp_path / "real.npz", real)
    np.savez(tmp_path / "itself.npz", mu=made["mu_legacy"], sigma=made["sigma_legacy"])
    scores = fid.score(tmp_path / "made.npz", tmp_path / "real.npz", {"itself": tmp_path / "itself.npz"})
    assert list(scores["fid"]) == ["itself", "recomputed"] and abs(scores["fid"]["itself"]) < 1e-6
    assert (scores["samples"], scores["evaluations"], scores["frechet_distance"]) == (50, 4, scores["fid"]["itself"])
    for found, mode in ((scores["fid"]["recomputed"], "legacy"), (scores["fid_clean"], "clean")):
        of_both = (features(mode, of_set) for of_set in (images(50, seed=1, strength=0.7), images(60)))
        expected = cleanfid.fid.fid_from_feats(*of_both)
        assert found == pytest.approx(expected, rel=1e-4)


def test_the_distance_is_clean_fids_at_full_rank_in_2048_dimensions():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(2048, 2048)) * np.exp(-np.arange(2048) / 500) / 45  # eigenvalues over many orders
    a, b = (frechet.gaussian(scale * np.abs(rng.normal(size=(2500, 2048))) @ mixing) for scale in (1, 1.1))
    assert frechet.distance(a, b) == pytest.approx(cleanfid.fid.frechet_distance(*a, *b), rel=1e-6)


def test_the_other_scores_are_torch_fidelitys_and_repeat_with_the_seed(made, real):
    scores, again, other = (describing.further(made, real, seed) for seed in (0, 0, 1))
    assert scores == again and scores["inception_score"] != other["inception_score"]
    of_both = [torch.tensor(each["features_legacy"]) for each in (made, real)]
    kid = torch_fidelity.metric_kid.kid_features_to_metric(*of_both, kid_subset_size=40, rng_seed=0, verbose=False)
    assert scores["kid"] == kid["kernel_inception_distance_mean"] > 0
    logits = torch.tensor(made["logits_legacy"])
    isc = torch_fidelity.metric_isc.isc_features_to_metric(logits, rng_seed=0)
    assert scores["inception_score"] == isc["inception_score_mean"] > 1


def test_every_further_score_is_a_column_of_the_tables(made, real):
    assert describing.further(made, real, 0).keys() <= {column.name for column in COLUMNS}


def test_the_seed_deals_kids_subsets(made, real):
    small = {**made, "features_legacy": made["features_legacy"][:20]}
    one, two = (describing.further(small, real, seed)["kid"] for seed in (0, 1))
    assert one != two and one == describing.further(small, real, 0)["kid"]


def test_precision_is_of_the_made_and_recall_of_the_real(real):
    """Copies of a few real images are all real (precision), and leave most real images out (recall)."""
    copies = {**real, "features_legacy": np.repeat(real["features_legacy"][:4], 10, axis=0)}
    scores = describing.further(copies, real, seed=0)
    assert scores["precision"] == 1 and scores["recall"] < 0.2


def test_a_subset_too_small_for_neighbours_is_told(made, real):
    with pytest.raises(OdeltError, match="at least 4 images, not 3"):
        describing.further({**made, "features_legacy": made["features_legacy"][:3]}, real, seed=0)


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Clean-fid's own networks, with random weights; two images at a time."""
    folder = tmp_path_factory.mktemp("networks")
    stand_ins.write_inception(folder / LEGACY, seed=0)
    stand_ins.write_torchscript(folder / inception.TORCHSCRIPT, seed=0)
    return inception.load(folder / LEGACY, folder / inception.TORCHSCRIPT, "cpu", batch_size=2)


@pytest.mark.parametrize("ahead", [0, 1, 9])
def test_the_pipeline_has_the_bits_of_a_plain_loop(networks, monkeypatch, ahead):
    monkeypatch.setattr(streams, "AHEAD", ahead)
    everything = np.random.default_rng(0).uniform(-1, 1, (11, 16, 24, 3)).astype(np.float32)
    found = describing.describe(batches_of(everything, 4), networks, subset=5, pictured=[9, 0, 4])
    for mode in ("legacy", "clean"):
        plain = Running()
        for start in range(0, 11, 4):
            plain.update(torch.tensor(features(mode, everything[start : start + 4], networks)).double())
        assert np.array_equal(found[f"mu_{mode}"], plain.mean)
        assert np.array_equal(found[f"sigma_{mode}"], plain.gaussian().covariance)
    assert np.array_equal(found["features_legacy"][:4], features("legacy", everything[:4], networks))
    pixels = np.rint((everything + 1) * 127.5)
    assert np.array_equal(found["pictures"], pixels[[9, 0, 4]]) and found["pictures"].dtype == np.uint8


def test_no_more_batches_are_taken_than_are_computed_ahead(monkeypatch):
    taken, done = [], []

    class Watched(Projection):
        def clean(self, resized):
            done.append(len(taken))
            return super().clean(resized)

    def stream():
        for batch in batches_of(images(40), 4):
            taken.append(batch)
            yield batch

    describing.describe(stream(), Watched(), subset=4)
    assert done == [min(k + 1 + streams.AHEAD, 10) for k in range(10)]


MEMORY = """
import resource, sys, tracemalloc
import numpy as np, torch
from odelt import vision
from odelt.vision import inception
from odelt.vision.describing import describe

networks = inception.load(sys.argv[1], sys.argv[2], "cpu", batch_size=4)

def stream(count):
    for start in range(0, count, 4):
        images = np.random.default_rng(start).uniform(-1, 1, (4, 128, 128, 3)).astype(np.float32)
        yield vision.upload(images, networks.device)

def peaks(count):
    tracemalloc.reset_peak()
    describe(stream(count), networks, subset=8)
    return tracemalloc.get_traced_memory()[1], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

tracemalloc.start()
peaks(12)
print(*peaks(12), *peaks(60))
"""


def test_memory_does_not_grow_with_the_number_of_images(tmp_path):
    paths = tmp_path / LEGACY, tmp_path / inception.TORCHSCRIPT
    stand_ins.write_inception(paths[0], seed=0)
    stand_ins.write_torchscript(paths[1], seed=0)
    run = subprocess.run([sys.executable, "-c", MEMORY, *paths], capture_output=True, encoding="utf-8", check=True)
    arrays, resident, arrays_of_more, resident_of_more = map(int, run.stdout.split())
    of_48_images = 48 * 128 * 128 * 3 * 4  # 9 MB; resized they are 51 MB
    # How many batches are under way at once depends on how busy the machine is: two of the twelve more, at most.
    assert arrays_of_more - arrays < of_48_images / 6 and resident_of_more - resident < 3 * of_48_images

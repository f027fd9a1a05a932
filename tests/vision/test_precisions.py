"""Precisions: what each is far from float32, and that nothing else of the process is changed."""

# ruff: noqa: E402 (imports below wait to see whether torch is there)
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from odelt import trace, vision
from odelt.evaluation import frechet
from odelt.vision import inception, precisions, vae
from rehearsal import vision as stand_ins

pytestmark = pytest.mark.torch
LEGACY = "pt_inception-2015-12-05-6726825d.pth"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks")
    stand_ins.write_vae(folder / "vae", seed=0)
    stand_ins.write_inception(folder / LEGACY, seed=0)
    stand_ins.write_torchscript(folder / inception.TORCHSCRIPT, seed=0)
    return folder


@pytest.fixture(scope="module")
def codec(folder):
    return vae.load(folder / "vae", "cpu", batch_size=4)


@pytest.fixture(scope="module")
def networks(folder):
    return inception.load(folder / LEGACY, folder / inception.TORCHSCRIPT, "cpu", batch_size=4)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(-1, 1, (6, 48, 32, 3)).astype(np.float32)


def test_errors_are_those_of_the_precisions_that_the_device_has(codec, networks, images):
    errors = precisions.errors(codec, networks, images)
    assert list(errors) == ["bfloat16"]  # a CPU has no TF32
    found = errors["bfloat16"]
    for name in ("moments", "images", "features"):
        assert 1e-5 < found[f"{name}_rms"] < found[f"{name}_max"] < 1
    mixed = codec.at("bfloat16").moments(images) - codec.moments(images)
    assert found["moments_max"] == np.abs(mixed).max()


def test_the_fid_is_that_of_the_same_images_in_both_precisions(codec, networks, images):
    latents = vision.upload(vae.SCALING * codec.moments(images)[..., :4], CPU)
    exact, mixed = (
        networks.at(precision).legacy(codec.at(precision).decoded(latents)).numpy()
        for precision in ("float32", "bfloat16")
    )
    expected = frechet.distance(frechet.gaussian(mixed), frechet.gaussian(exact))
    assert precisions.errors(codec, networks, images)["bfloat16"]["fid"] == expected > 1e-6


def test_mixed_precision_gives_float32(codec, networks, images):
    x = vision.upload(images, CPU)
    assert codec.at("bfloat16").encoded(x).dtype == networks.at("bfloat16").legacy(x).dtype == torch.float32


@pytest.mark.parametrize("precision, tf32", [("float32", False), ("tf32", True), ("bfloat16", False)])
@pytest.mark.parametrize("before", [False, True])
def test_a_precision_holds_within_its_block_and_nowhere_else(precision, tf32, before):
    """TF32 is the process's setting, of convolutions and of products; a CPU has the setting, too."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    kept = matmul.allow_tf32, cudnn.allow_tf32
    try:
        matmul.allow_tf32 = cudnn.allow_tf32 = before
        with pytest.raises(KeyError), vision.computing(CPU, precision):
            assert (matmul.allow_tf32, cudnn.allow_tf32) == (tf32, tf32)
            assert cudnn.deterministic and not cudnn.benchmark and torch.is_inference_mode_enabled()
            assert torch.is_autocast_enabled("cpu") == (precision == "bfloat16")
            raise KeyError
        assert (matmul.allow_tf32, cudnn.allow_tf32) == (before, before)
        assert not cudnn.deterministic and not torch.is_inference_mode_enabled()
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = kept


@pytest.mark.parametrize("capability, used", [((7, 5), "float32"), ((8, 0), "tf32"), ((9, 0), "tf32")])
def test_tf32_is_computed_where_a_gpu_has_it(monkeypatch, capability, used):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert vision.precision_on(torch.device("cuda"), "tf32") == used
    assert vision.precision_on(torch.device("cuda"), "bfloat16") == "bfloat16"


def test_the_precision_that_was_used_is_noted(folder):
    with trace.tracing(trace.Trace(lambda path, names: (path, ""))) as traced:
        vae.load(folder / "vae", "cpu", "tf32")
        inception.load(folder / LEGACY, folder / inception.TORCHSCRIPT, "cpu", "bfloat16")
    assert traced.precisions == {"codec": "float32", "features": "bfloat16"}

"""The codec is diffusers' AutoencoderKL, in batches, and its memory does not depend on the number of images."""

# ruff: noqa: E402 (imports below wait to see whether torch is there)
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy

torch = pytest.importorskip("torch")
from diffusers import AutoencoderKL

from odelt import OdeltError
from odelt.vision import streams, vae
from rehearsal import vision as stand_ins

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("vae")
    stand_ins.write_vae(directory, seed=0)
    return directory


def decoded(codec, latents, scale=vae.SCALING) -> np.ndarray:
    (images,) = streams.decoded([latents], codec, scale)
    return images.permute(0, 2, 3, 1).numpy()


@pytest.fixture(scope="module")
def codec(directory):
    return vae.load(directory, "cpu", batch_size=4)


@pytest.fixture(scope="module")
def diffusers(directory):
    return AutoencoderKL.from_pretrained(directory, low_cpu_mem_usage=False)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(-1, 1, (6, 48, 32, 3)).astype(np.float32)


def test_moments_are_diffusers_mean_and_log_variance_not_scaled(codec, diffusers, images):
    with torch.no_grad():
        gaussian = diffusers.encode(torch.tensor(images).movedim(-1, 1)).latent_dist
    found = codec.moments(images)
    assert found.shape == (6, 6, 4, 8) and found.dtype == np.float32
    np.testing.assert_allclose(found[..., :4], gaussian.mean.movedim(1, -1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[..., 4:], gaussian.logvar.movedim(1, -1), rtol=1e-4, atol=1e-5)


def test_the_log_variance_is_clamped(directory, images):
    codec = vae.load(directory, "cpu")
    codec.network.quant_conv.bias[4:] = 100.0
    assert codec.moments(images)[..., 4:].max() == 20


def test_decoding_divides_by_the_scaling_factor_and_does_not_clip(codec, diffusers):
    latents = np.random.default_rng(1).standard_normal((6, 6, 4, 4)).astype(np.float32)
    with torch.no_grad():
        expected = diffusers.decode(torch.tensor(latents).movedim(-1, 1) / 0.18215).sample.movedim(1, -1).numpy()
    found = decoded(codec, latents)
    assert found.shape == (6, 48, 32, 3) and found.dtype == np.float32 and np.abs(found).max() > 1
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(decoded(codec, latents, 0.5), decoded(codec, latents * 0.18215 / 0.5), atol=1e-5)


def test_the_batch_size_changes_nothing(directory, codec, images):
    np.testing.assert_allclose(
        vae.load(directory, "cpu", batch_size=5).moments(images), codec.moments(images), atol=1e-5
    )


def test_tf32_is_float32_where_a_device_has_no_tf32(directory, codec, images):
    other = vae.load(directory, "cpu", "tf32", batch_size=4)
    assert other.precision == codec.at("tf32").precision == "float32"
    assert np.array_equal(other.moments(images), codec.moments(images))


def test_the_hubs_old_names_of_attention_weights_are_read(directory, codec, images, tmp_path):
    """stabilityai/sd-vae-ft-mse has them: query, key, value, proj_attn."""
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    weights = safetensors.numpy.load_file(directory / vae.TENSORS)
    for new, name in old.items():
        weights = {key.replace(f".{new}.", f".{name}."): value for key, value in weights.items()}
    assert any("proj_attn" in key for key in weights)
    (tmp_path / vae.CONFIG).write_bytes((directory / vae.CONFIG).read_bytes())
    safetensors.numpy.save_file(weights, tmp_path / vae.TENSORS, {"format": "pt"})
    assert np.array_equal(vae.load(tmp_path, "cpu", batch_size=4).moments(images), codec.moments(images))


@pytest.mark.parametrize("name", [vae.CONFIG, vae.TENSORS])
@pytest.mark.parametrize("content", [None, "half", b"", b"nonsense"])
def test_a_missing_or_damaged_file_is_told_in_one_line(directory, tmp_path, name, content):
    for file in (vae.CONFIG, vae.TENSORS):
        (tmp_path / file).write_bytes((directory / file).read_bytes())
    if content is None:
        (tmp_path / name).unlink()
    else:
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    with pytest.raises(OdeltError, match=r"^.*fetch it.*$") as raised:
        vae.load(tmp_path, "cpu")
    assert str(tmp_path) in str(raised.value) and "\n" not in str(raised.value)


def test_weights_that_are_not_in_the_file_are_never_made_up(directory, tmp_path):
    weights = safetensors.numpy.load_file(directory / vae.TENSORS)
    del weights["decoder.conv_out.weight"]
    (tmp_path / vae.CONFIG).write_bytes((directory / vae.CONFIG).read_bytes())
    safetensors.numpy.save_file(weights, tmp_path / vae.TENSORS, {"format": "pt"})
    with pytest.raises(OdeltError, match="lacks decoder.conv_out.weight"):
        vae.load(tmp_path, "cpu")


MEMORY = """
import resource, sys, tracemalloc
import numpy as np
from odelt.vision import streams, vae

codec = vae.load(sys.argv[1], "cpu", batch_size=4)

def peaks(count):
    tracemalloc.reset_peak()
    for start in range(0, count, 8):
        images = np.random.default_rng(start).uniform(-1, 1, (8, 64, 64, 3)).astype(np.float32)
        list(streams.decoded([codec.moments(images)[..., :4]], codec, vae.SCALING))
    return tracemalloc.get_traced_memory()[1], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

tracemalloc.start()
peaks(64)
print(*peaks(64), *peaks(256))
"""


def test_memory_does_not_grow_with_the_number_of_images(directory):
    run = subprocess.run([sys.executable, "-c", MEMORY, directory], capture_output=True, encoding="utf-8", check=True)
    arrays, resident, arrays_of_more, resident_of_more = map(int, run.stdout.split())
    of_192_images = 192 * 64 * 64 * 3 * 4  # 9 MB
    assert arrays_of_more - arrays < of_192_images / 20 and resident_of_more - resident < of_192_images / 2


def test_the_decoder_is_compiled_on_a_gpu_only_with_what_that_needs(monkeypatch, tmp_path):
    gpu = torch.device("cuda")
    monkeypatch.setattr(vae.shutil, "which", lambda name: name)
    monkeypatch.setattr(vae.sysconfig, "get_path", lambda name: tmp_path)
    assert not vae.is_compiled(gpu, "tf32")  # no headers
    (tmp_path / "Python.h").touch()
    asked = [(gpu, "tf32"), (gpu, "bfloat16"), (gpu, "float32"), (torch.device("cpu"), "bfloat16")]
    assert [vae.is_compiled(*each) for each in asked] == [True, True, False, False]
    monkeypatch.setattr(vae.shutil, "which", lambda name: None)
    assert not vae.is_compiled(gpu, "tf32")

"""Features from arrays are clean-fid's own features from folders of PNG files, in both protocols."""

# ruff: noqa: E402 (imports below wait to see whether torch is there)
import hashlib

import numpy as np
import PIL.Image
import pytest

torch = pytest.importorskip("torch")
import cleanfid.features
import cleanfid.fid
import cleanfid.resize
from cleanfid.inception_torchscript import InceptionV3W

from odelt import OdeltError, vision
from odelt.evaluation import frechet
from odelt.vision import inception
from rehearsal import vision as stand_ins

pytestmark = pytest.mark.torch
LEGACY = "pt_inception-2015-12-05-6726825d.pth"
COUNT = 8


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder as PyTorch's cache of downloads is laid out, so that clean-fid itself finds its file there."""
    root = tmp_path_factory.mktemp("weights")
    stand_ins.write_inception(root / "checkpoints" / LEGACY, seed=0)
    stand_ins.write_torchscript(root / "checkpoints" / inception.TORCHSCRIPT, seed=0)
    return root / "checkpoints"


@pytest.fixture(scope="module")
def networks(weights):
    return inception.load(weights / LEGACY, weights / inception.TORCHSCRIPT, "cpu", batch_size=5)


@pytest.fixture(scope="module")
def cleanfid_models(weights):
    """clean-fid's own two models, loaded in its own way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.hub, "_hub_dir", str(weights.parent))
        legacy = cleanfid.features.build_feature_extractor(
            "legacy_pytorch", torch.device("cpu"), use_dataparallel=False
        )
    return {"legacy_pytorch": legacy, "clean": InceptionV3W(str(weights), download=False)}


@pytest.fixture(scope="module")
def pixels():
    """Two sets of 8-bit images [N, 40, 56, 3]: blocks of colour of different strength, with noise."""
    rng = np.random.default_rng(0)
    blocks = rng.normal(128, [[[[[30]]]], [[[[80]]]]], (2, COUNT, 5, 7, 3)).repeat(8, axis=2).repeat(8, axis=3)
    return (blocks + rng.normal(0, 10, blocks.shape)).clip(0, 255).astype(np.uint8)


def to_images(pixels):
    return (pixels / 127.5 - 1).astype(np.float32)


def to_pixels(images):
    return inception.to_pixels(torch.from_numpy(images)).numpy()


def legacy(networks, images):
    return networks.legacy(vision.upload(images, networks.device)).numpy()


def clean(networks, images):
    resized = np.stack([inception.resize_clean(image) for image in to_pixels(images)])
    return networks.clean(vision.upload(resized, networks.device)).numpy()


@pytest.mark.parametrize("mode", ["legacy_pytorch", "clean"])
def test_features_and_distance_are_clean_fids_own_of_the_same_folders(
    networks, cleanfid_models, pixels, mode, tmp_path
):
    ours, theirs = [], []
    for name, group in zip("ab", pixels, strict=True):
        (tmp_path / name).mkdir()
        for i, image in enumerate(group):
            PIL.Image.fromarray(image).save(tmp_path / name / f"{i:03}.png")
        settings = {"num_workers": 0, "batch_size": 3, "device": torch.device("cpu"), "mode": mode, "verbose": False}
        theirs.append(cleanfid.fid.get_folder_features(str(tmp_path / name), model=cleanfid_models[mode], **settings))
        ours.append((clean if mode == "clean" else legacy)(networks, to_images(group)))
    for found, expected in zip(ours, theirs, strict=True):
        assert found.shape == (COUNT, 2048) and found.dtype == np.float32
        assert expected.std(axis=0).mean() > 0.01  # the images do differ in the eyes of the random network
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    # A rotation into the few dimensions that so few features span leaves the distance as it is, and clean-fid's
    # matrix square root quick.
    basis = np.linalg.qr(np.concatenate(theirs).astype(np.float64).T)[0]
    expected = cleanfid.fid.fid_from_feats(*(features @ basis for features in theirs))
    assert frechet.distance(*map(frechet.gaussian, ours)) == pytest.approx(expected, rel=1e-4)


def test_the_resize_of_a_batch_is_clean_fids_resize_of_each_image(pixels):
    resize = cleanfid.resize.build_resizer("legacy_pytorch")
    beyond = pixels[1].astype(np.float32) * 1.5 - 60  # decoded images leave the range; they are clipped afterwards
    found = inception.resize_legacy(torch.tensor(beyond).movedim(-1, 1)).movedim(1, -1).numpy()
    np.testing.assert_allclose(found, np.stack([resize(image) for image in beyond]), rtol=1e-5, atol=1e-3)
    assert found.min() == 0 and found.max() == 255


def test_legacy_features_see_what_eight_bits_lose_and_clean_ones_do_not(networks, pixels):
    images = to_images(pixels[0][:2])
    moved = images + np.float32(0.3 / 127.5)
    assert np.array_equal(clean(networks, moved), clean(networks, images))
    assert np.abs(legacy(networks, moved) - legacy(networks, images)).max() > 1e-4


def test_pixels_are_rounded_to_the_nearest_and_clipped():
    levels = np.arange(256)
    assert np.array_equal(to_pixels(to_images(levels)), levels)
    assert np.array_equal(to_pixels(np.float32([-9, 9, -1 + 0.6 / 127.5, -1 + 0.4 / 127.5])), [0, 255, 1, 0])
    halves = np.arange(255, dtype=np.float32) + 0.5
    assert np.array_equal(to_pixels(halves / 127.5 - 1), np.rint((halves / 127.5 - 1 + 1) * 127.5))


def test_logits_are_the_last_layers_without_its_bias(networks, weights):
    features = np.random.default_rng(0).random((3, 2048), np.float32)
    state = torch.load(weights / LEGACY, weights_only=True)
    expected = torch.nn.functional.linear(torch.tensor(features), state["fc.weight"])
    assert networks.logits(features).shape == (3, 1008)
    np.testing.assert_allclose(networks.logits(features), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", [LEGACY, inception.TORCHSCRIPT])
@pytest.mark.parametrize("content", [None, "half", b"", b"nonsense", "pickle"])
def test_a_missing_or_damaged_file_is_named(weights, tmp_path, name, content):
    for file in (LEGACY, inception.TORCHSCRIPT):
        (tmp_path / file).symlink_to(weights / file)
    (tmp_path / name).unlink()
    if content == "pickle":  # a healthy file of something else
        torch.save({"fc.weight": torch.zeros(3)}, tmp_path / name)
    elif content is not None:
        whole = (weights / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    with pytest.raises(OdeltError, match=rf"{name}.*fetch it") as raised:
        inception.load(tmp_path / LEGACY, tmp_path / inception.TORCHSCRIPT, "cpu")
    assert "\n" not in str(raised.value)


def test_a_torchscript_file_under_another_name_is_told(weights, tmp_path):
    (tmp_path / "other.pt").symlink_to(weights / inception.TORCHSCRIPT)
    with pytest.raises(OdeltError, match="only under its own name, inception-2015-12-05.pt"):
        inception.load(weights / LEGACY, tmp_path / "other.pt", "cpu")


def test_the_stand_ins_are_the_same_bytes_for_the_same_seed_only(weights, tmp_path):
    digest = {}
    for seed in (0, 1):
        stand_ins.write_inception(tmp_path / LEGACY, seed)
        stand_ins.write_torchscript(tmp_path / inception.TORCHSCRIPT, seed)
        stand_ins.write_vae(tmp_path / f"vae{seed}", seed)
        for path in (tmp_path / LEGACY, tmp_path / inception.TORCHSCRIPT):
            digest[path.name, seed] = hashlib.sha256(path.read_bytes()).digest()
    for name in (LEGACY, inception.TORCHSCRIPT):
        assert hashlib.sha256((weights / name).read_bytes()).digest() == digest[name, 0] != digest[name, 1]
    stand_ins.write_vae(tmp_path / "again", 0)
    tensors = [(tmp_path / d / "diffusion_pytorch_model.safetensors").read_bytes() for d in ("vae0", "again", "vae1")]
    assert tensors[0] == tensors[1] != tensors[2]

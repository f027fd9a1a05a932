"""Images by index from a folder per class, prepared in batches."""

import threading

import numpy as np
import PIL.Image
import pytest

from odelt import OdeltError
from odelt.data import images


def save(path, shape=(20, 30, 3), seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    PIL.Image.fromarray(pixels).save(path)
    return pixels


@pytest.fixture
def folder(tmp_path):
    """Two classes, of three images and of one; and a file that is no image."""
    root = tmp_path / "pictures"
    for number, name in enumerate(["cat/b.png", "cat/a.PNG", "cat/c.bmp", "dog/x.png"]):
        save(root / name, seed=number)
    (root / "cat" / "notes.txt").write_text("no image", encoding="utf-8")
    return root


def open_folder(root, size, channels=3, fraction=1.0):
    return images.Images(images.FolderSource(root, fraction), size, channels, crop=True, as_seen=True)


def load_folder(*arguments):
    return images.in_memory(open_folder(*arguments))


def test_classes_and_images_are_in_the_order_of_their_names(folder):
    opened = open_folder(folder, (20, 20))
    names = [opened.source[index].name.split("pictures/")[1] for index in range(len(opened))]
    assert names == ["cat/a.PNG", "cat/b.png", "cat/c.bmp", "dog/x.png"] and opened.classes == 2
    assert [opened[index][1] for index in range(4)] == [0, 0, 0, 1]


def test_an_image_of_the_right_size_is_only_cropped_and_scaled(folder):
    pixels = save(folder / "cat" / "a.PNG")
    image, _ = open_folder(folder, (20, 20))[0]
    assert image.dtype == np.float32
    assert np.array_equal(image, pixels[:, 5:25] / np.float32(127.5) - 1)


def test_the_whole_range_is_used():
    ends = images.prepare(np.array([[[0], [255]]], np.uint8), (1, 2), crop=False)
    assert ends.ravel().tolist() == [-1, 1]


def test_an_odd_crop_leaves_the_remainder_right_and_below():
    image = np.arange(6 * 3, dtype=np.uint8).reshape(6, 3, 1)
    assert np.array_equal(images.central_crop(image), image[1:4])
    assert np.array_equal(images.central_crop(image.transpose(1, 0, 2)), image.transpose(1, 0, 2)[:, 1:4])


def test_resizing_is_antialiased_and_not_quantised():
    """Halving with the triangle filter weighs four neighbours 1, 3, 3, 1 of 8: stripes vanish, but for the borders."""
    stripes = np.tile(np.array([0, 255], np.uint8), (8, 4))[..., None]
    halved = images.resize(stripes, (4, 4))[..., 0]
    assert halved.dtype == np.float32 and np.allclose(halved[:, 1:3], 127.5, atol=1e-4)
    ramp = images.resize(np.arange(8, dtype=np.uint8)[None, :, None], (1, 4))[0, :, 0]
    assert np.allclose(ramp[1:3], [2.5, 4.5], atol=1e-5)


def test_every_kind_of_file_becomes_rgb_or_grey(folder):
    gray = save(folder / "dog" / "x.png", (20, 20))
    assert open_folder(folder, (20, 20))[3][0].shape == (20, 20, 3)
    image, _ = open_folder(folder, (20, 20), 1)[3]
    assert np.array_equal(image[..., 0], gray / np.float32(127.5) - 1)
    PIL.Image.new("CMYK", (9, 9)).save(folder / "dog" / "a.jpg")
    PIL.Image.new("RGBA", (9, 9)).save(folder / "dog" / "b.webp")
    opened = open_folder(folder, (20, 20))
    assert len(opened) == 6 and all(opened[index][0].shape == (20, 20, 3) for index in range(6))


@pytest.mark.parametrize("fraction, labels", [(1.0, [0, 0, 0, 1]), (0.6, [0, 0, 1]), (0.01, [0, 1])])
def test_a_folder_in_memory_holds_a_share_of_every_class(folder, fraction, labels):
    loaded = load_folder(folder, (10, 12), 1, fraction)
    assert loaded.images.shape == (len(labels), 10, 12, 1) and loaded.images.dtype == np.float32
    assert loaded.labels.tolist() == labels and loaded.labels.dtype == np.int32
    first, _ = open_folder(folder, (10, 12), 1)[0]
    assert np.array_equal(loaded.images[0], first)


@pytest.mark.parametrize("fraction", [0, -0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(folder, fraction):
    with pytest.raises(OdeltError, match="above 0 and at most 1"):
        load_folder(folder, (8, 8), 3, fraction)


def test_batches_are_the_images_in_order_the_last_one_smaller(folder):
    opened = open_folder(folder, (8, 8))
    made = list(images.batches(opened, 3))
    assert [len(labels) for _, labels in made] == [3, 1] and made[0][1].dtype == np.int32
    expected = np.stack([opened[index][0] for index in range(4)])
    assert np.array_equal(np.concatenate([arrays for arrays, _ in made]), expected)


class Counted(images.Images):
    """Images that count how often they are asked for."""

    def __getitem__(self, index):
        with lock:
            asked.append(index)
        return super().__getitem__(index)


lock, asked = threading.Lock(), []


@pytest.mark.parametrize("count", [40, 400])
def test_no_more_than_two_batches_are_prepared_ahead(folder, count):
    class Many:
        classes = 1
        first = images.FolderSource(folder)[0]

        def __len__(self):
            return count

        def __getitem__(self, index):
            return self.first

    asked.clear()
    stream = images.batches(Counted(Many(), (8, 8), 3, crop=True), 4)
    for taken in range(1, 4):
        next(stream)
        assert len(asked) <= (taken - 1 + images.AHEAD) * 4
    stream.close()
    assert len(asked) <= (2 + images.AHEAD) * 4


def test_a_corrupt_image_is_named(folder):
    whole = (folder / "cat" / "b.png").read_bytes()
    for content, told in [(b"nonsense", "of no known kind"), (whole[:-200], "truncated"), (b"", "of no known kind")]:
        (folder / "cat" / "b.png").write_bytes(content)
        opened = open_folder(folder, (8, 8))
        with pytest.raises(OdeltError, match=rf"cat/b.png is not a readable image \(.*{told}.*replace or remove it"):
            list(images.batches(opened, 2))


def test_an_image_that_goes_away_is_named(folder):
    opened = open_folder(folder, (8, 8))
    (folder / "cat" / "a.PNG").unlink()
    with pytest.raises(OdeltError, match="cannot read .*a.PNG: No such file"):
        opened[0]


def test_folders_without_classes_or_images_are_told(tmp_path):
    with pytest.raises(OdeltError, match="none is missing"):
        load_folder(tmp_path / "none", (8, 8), 3)
    with pytest.raises(OdeltError, match="has no sub-folders"):
        load_folder(tmp_path, (8, 8), 3)
    (tmp_path / "cat").mkdir()
    with pytest.raises(OdeltError, match="cat has no images"):
        load_folder(tmp_path, (8, 8), 3)


def test_shuffled_images_are_the_same_ones_and_the_first_are_of_many_classes(tmp_path):
    for name in "abc":
        (tmp_path / name).mkdir()
        for k in range(10):
            PIL.Image.new("RGB", (8, 8)).save(tmp_path / name / f"{k}.png")
    opened = open_folder(tmp_path, (8, 8))
    mixed = images.shuffled(opened)
    labels = [mixed[index][1] for index in range(30)]
    assert len(mixed) == 30 and mixed.classes == 3 and sorted(labels) == [0] * 10 + [1] * 10 + [2] * 10
    assert set(labels[:8]) == {0, 1, 2}

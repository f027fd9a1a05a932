"""CelebA-HQ and ImageNet as tensorflow-datasets directories, and what is read back without TensorFlow."""

import io
import os
import pathlib
import resource
import runpy
import struct
import subprocess
import sys
import tarfile
import zlib

import numpy as np
import PIL.Image
import pytest

from odelt import OdeltError, config
from odelt.data import images
from odelt.kinds import KINDS

pytestmark = pytest.mark.tensorflow
tf = pytest.importorskip("tensorflow")
tfds = pytest.importorskip("tensorflow_datasets")
builders = pytest.importorskip("odelt.data.builders")

REHEARSAL = runpy.run_path(str(pathlib.Path(__file__).parents[2] / "rehearsal" / "images.py"))
CLASSES, PER_CLASS, SIZE = 3, 4, (32, 32)


@pytest.fixture(scope="module")
def tar(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "ILSVRC2012_img_train.tar"
    REHEARSAL["write_imagenet_tar"](path, CLASSES, PER_CLASS, seed=0)
    return path


@pytest.fixture(scope="module")
def imagenet(tar, tmp_path_factory):
    out = tmp_path_factory.mktemp("imagenet") / "images"
    builders.write_imagenet(tar, out)
    return out


@pytest.fixture(scope="module")
def parquet(tmp_path_factory):
    return REHEARSAL["write_celebahq_parquet"](tmp_path_factory.mktemp("hub"), 5, 50, seed=0)


@pytest.fixture(scope="module")
def celebahq(parquet, tmp_path_factory):
    out = tmp_path_factory.mktemp("celebahq") / "images"
    builders.write_celebahq([parquet], out, (16, 16))
    return out


def open_written(kind, path, size):
    settings = {"name": "written", "image": size, "classes": 1, KINDS[kind].origin: "its-origin"}
    return KINDS[kind].open(config.Dataset(kind=kind, **settings), path)


def members(tar):
    """Name and bytes of every JPEG, and its label."""
    found = {}
    with tarfile.open(tar) as archive:
        for label, member in enumerate(sorted(archive, key=lambda m: m.name)):
            with tarfile.open(fileobj=archive.extractfile(member)) as inner:
                found |= {image.name: (inner.extractfile(image).read(), label) for image in inner}
    return found


def test_tensorflow_datasets_reads_what_was_written(imagenet, celebahq):
    assert sum(1 for _ in tfds.builder_from_directory(imagenet).as_data_source("train")) == CLASSES * PER_CLASS
    record = tfds.builder_from_directory(celebahq).as_data_source("train")[0]
    assert record["image"].shape == (16, 16, 3) and record["image"].dtype == np.uint8 and record["label"] == 0


def test_imagenets_jpegs_are_stored_unchanged_with_the_place_of_their_synset(tar, imagenet):
    source = images.TfdsSource(imagenet)
    stored = {record.name.split("image ")[-1]: (record.data, record.label) for record in source}
    assert stored == members(tar) and source.classes == CLASSES


def test_imagenet_on_reading_is_what_tensorflow_makes_of_it(tar, imagenet):
    opened = open_written("imagenet", imagenet, (32, 32))
    for index in range(len(opened)):
        image, label = opened[index]
        record = opened.source[index]
        raw = np.asarray(PIL.Image.open(io.BytesIO(record.data)))
        side = min(raw.shape[:2])
        square = tf.image.resize_with_crop_or_pad(raw, side, side)
        expected = tf.image.resize(square, (32, 32), antialias=True).numpy() / 127.5 - 1
        assert image.dtype == np.float32 and image.shape == (32, 32, 3) and label == record.label
        assert np.abs(image - expected).max() < 1e-5


@pytest.mark.parametrize("shape", [(80, 96), (427, 640), (20, 30), (64, 64), (33, 65)])
def test_resizing_is_tensorflows_bilinear_with_antialiasing(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    expected = tf.image.resize(image, (48, 40), antialias=True).numpy()
    assert np.abs(images.resize(image, (48, 40)) - expected).max() < 1e-3


def test_celebahq_is_resized_and_then_truncated_to_8_bits(parquet, celebahq):
    import pyarrow.parquet

    rows = pyarrow.parquet.read_table(parquet).column("image").to_pylist()
    opened = open_written("celebahq", celebahq, (16, 16))
    assert len(opened) == len(rows) and opened.classes == 1
    for index in range(len(opened)):
        image, label = opened[index]
        raw = np.asarray(PIL.Image.open(io.BytesIO(rows[int(opened.source[index].name.split("image ")[-1])]["bytes"])))
        resized = tf.image.resize(raw, (16, 16), antialias=True).numpy()
        assert label == 0 and np.array_equal(image, np.floor(resized).astype(np.float32) / np.float32(127.5) - 1)


def test_the_order_is_the_same_every_time(tar, imagenet, tmp_path):
    builders.write_imagenet(tar, tmp_path / "again")
    first, again = images.TfdsSource(imagenet), images.TfdsSource(tmp_path / "again")
    assert [r.data for r in first] == [r.data for r in again]


@pytest.mark.parametrize("fraction, each", [(0.5, 2), (0.01, 1)])
def test_a_fraction_is_a_share_of_every_class(tar, tmp_path, fraction, each):
    builders.write_imagenet(tar, tmp_path / "part", fraction)
    labels = [record.label for record in images.TfdsSource(tmp_path / "part")]
    assert sorted(labels) == sorted(list(range(CLASSES)) * each)


def test_a_fraction_of_celebahq_is_its_first_images(parquet, tmp_path):
    builders.write_celebahq([parquet, parquet], tmp_path / "part", (8, 8), fraction=0.3)
    names = sorted(record.name.split("image ")[-1] for record in images.TfdsSource(tmp_path / "part"))
    assert names == ["000000", "000001", "000002"]


def test_writing_again_replaces_the_directory_whole(parquet, tmp_path):
    for count in (0.4, 1.0):
        builders.write_celebahq([parquet], tmp_path / "images", (8, 8), fraction=count)
    assert len(images.TfdsSource(tmp_path / "images")) == 5
    assert list(tmp_path.iterdir()) == [tmp_path / "images"]


def test_reading_imports_neither_tensorflow_nor_torch_nor_jax(imagenet):
    code = (
        "import pathlib, sys; from odelt.data import images;"
        f"source = images.TfdsSource(pathlib.Path({str(imagenet)!r}));"
        "opened = images.Images(source, (16, 16), 3, crop=True);"
        "sizes = [len(labels) for _, labels in images.batches(opened, 5)];"
        "print(sizes, [world for world in ('tensorflow', 'torch', 'jax') if world in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == "[5, 5, 2] []\n"


def test_nothing_is_written_to_stdout(parquet, tmp_path, capfd):
    builders.write_celebahq([parquet], tmp_path / "images", (8, 8))
    assert capfd.readouterr().out == ""


def test_a_full_disk_is_told_and_leaves_nothing(tar, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))  # bytes of a file
    try:
        with pytest.raises(OdeltError, match="cannot write .*out: .*File too large") as told:
            builders.write_imagenet(tar, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(told.value) and list(tmp_path.iterdir()) == []


def test_a_missing_tar_tells_where_to_get_it(tmp_path):
    with pytest.raises(OdeltError) as told:
        builders.write_imagenet(tmp_path / "ILSVRC2012_img_train.tar", tmp_path / "out")
    line = str(told.value)
    for part in ("ILSVRC2012_img_train.tar is missing", "147,897,477,120 bytes", "138 GiB", "image-net.org", "account"):
        assert part in line
    assert builders.IMAGENET_MD5 in line and "\n" not in line and not list(tmp_path.iterdir())


def archive(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


def a_narrow_jpeg() -> bytes:
    """One pixel wide, 40 high."""
    return REHEARSAL["encoded"](REHEARSAL["photographs"]()[0][:40, :1], "JPEG")


def a_bomb() -> bytes:
    """A PNG that says it has 10^10 pixels."""
    png = io.BytesIO()
    PIL.Image.new("L", (1, 1)).save(png, "PNG")
    head = struct.pack(">II", 100_000, 100_000) + b"\x08\0\0\0\0"
    return png.getvalue()[:16] + head + struct.pack(">I", zlib.crc32(b"IHDR" + head)) + png.getvalue()[33:]


def a_jpeg() -> bytes:
    return REHEARSAL["encoded"](REHEARSAL["photographs"]()[0][:64, :64], "JPEG")


BAD_TARS = {
    "no tar": (lambda: b"nonsense" * 1000, "file header|invalid|empty"),
    "empty": (lambda: b"", "empty|Invalid"),
    "no classes": (lambda: archive({}), "no class tars"),
    "another tar": (lambda: archive({"readme.txt": b"a"}), "readme.txt is not a class"),
    "cut short": (
        lambda: archive({"n00000001.tar": archive({"n00000001_1.JPEG": a_jpeg()})})[:-11000],
        "unexpected end of data",
    ),
    "cut at its end": (
        lambda: archive({"n00000001.tar": archive({"a.JPEG": a_jpeg()})}).rstrip(b"\0"),
        "end is missing",
    ),
    "class is no tar": (lambda: archive({"n00000001.tar": b"nonsense" * 1000}), "n00000001.tar: "),
    "class is empty": (lambda: archive({"n00000001.tar": archive({})}), "n00000001.tar: it holds no images"),
    "no JPEG": (
        lambda: archive({"n00000001.tar": archive({"n00000001_7.JPEG": b"nonsense"})}),
        "n00000001.tar, member n00000001_7.JPEG: cannot identify image file",
    ),
    "one pixel wide": (
        lambda: archive({"n00000001.tar": archive({"a.JPEG": a_jpeg(), "b.JPEG": a_narrow_jpeg()})}),
        "n00000001.tar, member b.JPEG: it has 1x40 pixels",
    ),
    "a bomb": (
        lambda: archive({"n00000001.tar": archive({"a.JPEG": a_bomb()})}),
        "n00000001.tar, member a.JPEG: Image size .* exceeds limit",
    ),
    "half a JPEG": (
        lambda: archive({"n00000001.tar": archive({"a.JPEG": a_jpeg(), "b.JPEG": a_jpeg()[:-100]})}),
        "n00000001.tar, member b.JPEG: image file is truncated",
    ),
}


@pytest.mark.parametrize("case", BAD_TARS)
def test_a_damaged_tar_is_told_on_one_line_and_leaves_nothing(tmp_path, case):
    make, message = BAD_TARS[case]
    tar = tmp_path / "train.tar"
    tar.write_bytes(make())
    with pytest.raises(OdeltError, match=rf"train.tar is damaged \(.*({message}).*get it again") as told:
        builders.write_imagenet(tar, tmp_path / "out")
    assert "\n" not in str(told.value) and " at 0x" not in str(told.value)
    assert list(tmp_path.iterdir()) == [tar]


@pytest.mark.parametrize("side", [(2, 40), (40, 7)])
def test_a_small_image_of_a_tar_is_taken(tmp_path, side):
    small = REHEARSAL["encoded"](REHEARSAL["photographs"]()[0][: side[0], : side[1]], "JPEG")
    (tmp_path / "train.tar").write_bytes(archive({"n00000001.tar": archive({"a.JPEG": small})}))
    builders.write_imagenet(tmp_path / "train.tar", tmp_path / "out")
    assert len(images.TfdsSource(tmp_path / "out")) == 1


def test_named_pipes_are_neither_waited_for_nor_read(tmp_path):
    os.mkfifo(tmp_path / "train.tar")
    with pytest.raises(OdeltError, match="train.tar is a named pipe"):
        builders.write_imagenet(tmp_path / "train.tar", tmp_path / "out")
    os.mkfifo(tmp_path / "a.parquet")
    with pytest.raises(OdeltError, match="a.parquet is a named pipe"):
        builders.write_celebahq([tmp_path / "a.parquet"], tmp_path / "out", (8, 8))
    assert not (tmp_path / "out").exists()


def broken_parquet(kind: str, path: pathlib.Path, good: pathlib.Path) -> None:
    import pyarrow
    import pyarrow.parquet

    if kind == "nonsense":
        path.write_bytes(b"nonsense")
    if kind == "half":
        path.write_bytes(good.read_bytes()[:2000])
    if kind == "a flipped byte":
        data = bytearray(good.read_bytes())
        data[len(data) // 2] ^= 255
        path.write_bytes(data)
    if kind == "no images":
        pyarrow.parquet.write_table(pyarrow.table({"label": [1]}), path)
    if kind == "a bad image":
        table = pyarrow.table({"image": [{"bytes": b"nonsense", "path": "1.png"}]})
        pyarrow.parquet.write_table(table, path)


@pytest.mark.parametrize(
    "kind, message",
    [
        ("missing", "is missing"),
        ("nonsense", "is damaged"),
        ("half", "is damaged"),
        ("a flipped byte", "train.parquet"),
        ("no images", "has no column of images"),
        ("a bad image", "row 0 is not a readable image"),
    ],
)
def test_a_damaged_parquet_file_is_told_on_one_line_and_leaves_nothing(parquet, tmp_path, kind, message):
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "train.parquet"
    broken_parquet(kind, path, parquet)
    with pytest.raises(OdeltError, match=rf"train.parquet.*{message}|{message}.*train.parquet|{message}") as told:
        builders.write_celebahq([path], tmp_path / "out", (8, 8))
    assert "\n" not in str(told.value) and str(path) in str(told.value)
    assert list(tmp_path.iterdir()) == [tmp_path / "in"]


def test_no_parquet_files_are_told(tmp_path):
    with pytest.raises(OdeltError, match="there are no images in 0 parquet files"):
        builders.write_celebahq([], tmp_path / "out", (8, 8))
    assert list(tmp_path.iterdir()) == []


def damage(directory: pathlib.Path, copy: pathlib.Path, change) -> None:
    copy.mkdir()
    for file in directory.iterdir():
        data = file.read_bytes()
        (copy / file.name).write_bytes(change(data) if "array_record" in file.name else data)


@pytest.mark.parametrize(
    "change", [lambda data: data[: len(data) // 2], lambda data: data.replace(b"JFIF", b"JFIG", 1)], ids=["cut", "byte"]
)
def test_damage_to_a_prepared_directory_is_told(imagenet, tmp_path, change):
    damage(imagenet, tmp_path / "copy", change)
    with pytest.raises(OdeltError, match=r"copy is damaged.*delete it"):
        list(images.batches(open_written("imagenet", tmp_path / "copy", (8, 8)), 4))


def test_a_missing_directory_is_told(tmp_path):
    with pytest.raises(OdeltError, match="none is missing or not a tensorflow-datasets directory"):
        open_written("imagenet", tmp_path / "none", (8, 8))

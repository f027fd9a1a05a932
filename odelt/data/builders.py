"""CelebA-HQ and ImageNet as tensorflow-datasets builders (SPEC 7). The one module that needs TensorFlow.

They write ArrayRecord files, which `odelt.data.images` reads by index. The order of the images is
tensorflow-datasets' own shuffling, by a hash of their names: the same every time.
"""

import contextlib
import io
import itertools
import pathlib
import re
import shutil
import sys
import tarfile
from collections.abc import Callable, Iterator, Sequence

import PIL.Image
import pyarrow
import pyarrow.parquet
import tensorflow as tf
import tensorflow_datasets as tfds

from odelt import files, trace
from odelt.data.decoding import decode
from odelt.data.folders import share
from odelt.errors import OdeltError
from odelt.quoting import one_line

Examples = Iterator[tuple[str, dict]]  # unique name, features

IMAGENET_BYTES = 147_897_477_120
IMAGENET_MD5 = "1d675b47d978889d74fa0da5fadfb00e"
CLASS_TAR = re.compile(r"n\d{8}\.tar")
END_OF_TAR = bytes(1024)  # two empty blocks
ROWS = 64  # of a parquet file, in memory at once
OF_PILLOW = (SyntaxError, ValueError, PIL.Image.DecompressionBombError)  # its errors, beside OSError


def write_celebahq(
    parquet_files: Sequence[pathlib.Path], out: pathlib.Path, size: tuple[int, int], fraction: float = 1.0
) -> None:
    """CelebA-HQ's train split, from the hub's parquet files in order, as the tensorflow-datasets directory `out`.

    Bilinear with antialiasing to `size` (H, W), then truncated to 8 bits, as the builder that SM used does it; stored
    as PNG. One class, 0: the paper's run is unconditional. `fraction` in (0, 1] takes the first share of the images.

    Raises:
        OdeltError: a file is missing or damaged; nothing is left at `out`.
    """
    _write(out, lambda draft: CelebaHq(draft, [pathlib.Path(file) for file in parquet_files], size, fraction))


def write_imagenet(tar: pathlib.Path, out: pathlib.Path, fraction: float = 1.0) -> None:
    """ImageNet 2012's train split, from `ILSVRC2012_img_train.tar`, as the tensorflow-datasets directory `out`.

    The original JPEG bytes are stored: the images are cropped and resized when they are read, and
    never quantised again. Labels are positions among the sorted synset names. `fraction` in (0, 1] takes the first
    share of every class by name, at least one image.

    Raises:
        OdeltError: the tar is missing or damaged, or a member is; nothing is left at `out`.
    """
    _write(out, lambda draft: ImageNet(draft, pathlib.Path(tar), fraction))


class _Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A train split of `image`, `label` and `file_name`, from files that are there already."""

    VERSION = tfds.core.Version("1.0.0")
    code_path = None  # where tensorflow-datasets would look for checksums of downloads; there are none

    def __init__(self, data_dir: str, image: tfds.features.Image, label: tfds.features.ClassLabel):
        self._features = {"image": image, "label": label, "file_name": tfds.features.Text()}
        super().__init__(data_dir=data_dir, file_format="array_record")

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(self._features))

    def _split_generators(self, dl_manager) -> dict[str, Examples]:
        return {"train": self._generate_examples()}


class CelebaHq(_Builder, skip_registration=True):
    """Images already at their final size, PNG."""

    def __init__(self, data_dir: str, parquet_files: Sequence[pathlib.Path], size: tuple[int, int], fraction: float):
        self._files, self._size, self._fraction = parquet_files, size, fraction
        for file in parquet_files:
            files.require_regular(file, "parquet file")
            trace.used(file)
        image = tfds.features.Image(shape=(*size, 3), encoding_format="png")
        super().__init__(data_dir, image, tfds.features.ClassLabel(num_classes=1))

    def _generate_examples(self) -> Examples:
        count = sum(map(_count, self._files))
        if not count:
            raise OdeltError(f"there are no images in {len(self._files)} parquet files: download CelebA-HQ again")
        wanted = share(count, self._fraction)
        rows = (row for file in self._files for row in _rows(file))
        for index, (data, where) in enumerate(itertools.islice(rows, wanted)):
            image = tf.image.resize(decode(data, where, channels=3), self._size, antialias=True)
            name = f"{index:06d}"
            yield name, {"image": tf.cast(image, tf.uint8).numpy(), "label": 0, "file_name": name}


class ImageNet(_Builder, skip_registration=True):
    """Images as they are in the tar, JPEG of any size."""

    def __init__(self, data_dir: str, tar: pathlib.Path, fraction: float):
        self._tar, self._fraction = tar, fraction
        files.require_regular(tar, "ImageNet's train tar")
        trace.used(tar)
        with _open_tar(tar) as archive:
            self._classes = _class_tars(archive, tar)
        synsets = [member.name.removesuffix(".tar") for member in self._classes]
        super().__init__(data_dir, tfds.features.Image(encoding_format="jpeg"), tfds.features.ClassLabel(names=synsets))

    def _generate_examples(self) -> Examples:
        with _open_tar(self._tar) as archive:
            for label, member in enumerate(self._classes):
                for name, data in _images_of_class(archive, member, self._tar, self._fraction):
                    yield name, {"image": data, "label": label, "file_name": name}


def _write(out: pathlib.Path, make: Callable[[str], tfds.core.GeneratorBasedBuilder]) -> None:
    """Prepares a builder beside `out`; its version's directory then takes the place of `out` in one step."""
    offline = tfds.download.DownloadConfig(try_download_gcs=False)
    with files.writing_directory(out) as draft, contextlib.redirect_stdout(sys.stderr):
        builder = make(str(draft))
        try:
            builder.download_and_prepare(download_config=offline)
        except RuntimeError as error:  # as ArrayRecord tells of a full disk
            raise OSError(_line(error)) from None
        shutil.rmtree(out, ignore_errors=True)
        pathlib.Path(builder.data_dir).rename(out)
        trace.made(out)
        for rest in draft.iterdir():  # else `writing_directory` would move it into `out`
            shutil.rmtree(rest)


def _count(file: pathlib.Path) -> int:
    with _parquet(file) as table:
        return table.metadata.num_rows


def _rows(file: pathlib.Path) -> Iterator[tuple[bytes, str]]:
    """The bytes of each image of a parquet file, and what a message calls it."""
    with _parquet(file) as table:
        rows = itertools.chain.from_iterable(
            batch.column("image").to_pylist() for batch in table.iter_batches(ROWS, columns=["image.bytes"])
        )
        for index, image in enumerate(rows):
            yield image["bytes"], f"{file}: row {index}"


@contextlib.contextmanager
def _parquet(file: pathlib.Path) -> Iterator[pyarrow.parquet.ParquetFile]:
    """A file of the hub's layout: a column `image` of {bytes, path}; labels are not read."""
    remedy = "delete it, and the workflow downloads it again"
    try:
        with pyarrow.parquet.ParquetFile(file) as table:
            if "image.bytes" not in [column.path for column in map(table.schema.column, range(len(table.schema)))]:
                raise OdeltError(f"{file} has no column of images (image: bytes, path): {remedy}")
            yield table
    except FileNotFoundError:
        raise OdeltError(f"{file} is missing: let the workflow download it") from None
    except (pyarrow.ArrowException, OSError) as error:
        raise OdeltError(f"{file} is damaged ({_line(error)}): {remedy}") from None


@contextlib.contextmanager
def _open_tar(tar: pathlib.Path) -> Iterator[tarfile.TarFile]:
    """The outer archive; every defect of it is told on one line."""
    if not tar.is_file():
        raise OdeltError(
            f"{tar} is missing: get ILSVRC2012_img_train.tar from image-net.org, which needs an account, and put it "
            f"there ({IMAGENET_BYTES:,} bytes, {IMAGENET_BYTES / 2**30:.0f} GiB, md5 {IMAGENET_MD5})"
        )
    try:
        with tar.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
            file.seek(-len(END_OF_TAR), io.SEEK_END)
            if file.read() != END_OF_TAR:  # tarfile takes an archive cut between two members for a whole one
                raise tarfile.ReadError("its end is missing")
            yield archive
    except (tarfile.TarError, OSError) as error:
        raise _damaged(tar, _line(error)) from None


def _class_tars(archive: tarfile.TarFile, tar: pathlib.Path) -> list[tarfile.TarInfo]:
    """The members, one for each class, sorted by synset."""
    members = sorted(archive, key=lambda member: member.name)
    strange = [member.name for member in members if not CLASS_TAR.fullmatch(member.name)]
    if strange or not members:
        what = f"its member {strange[0]} is not a class's tar, n########.tar" if strange else "it holds no class tars"
        raise _damaged(tar, what)
    return members


def _images_of_class(
    archive: tarfile.TarFile, member: tarfile.TarInfo, tar: pathlib.Path, fraction: float
) -> Iterator[tuple[str, bytes]]:
    """The first share of a class's images by name: name and JPEG bytes."""
    where = member.name
    try:
        with tarfile.open(fileobj=archive.extractfile(member), mode="r:") as images:
            members = sorted((image for image in images if image.isfile()), key=lambda image: image.name)
            if not members:
                raise tarfile.ReadError("it holds no images")
            for image in members[: share(len(members), fraction)]:
                where = f"{member.name}, member {image.name}"
                opened = images.extractfile(image)
                assert opened is not None  # it is a file
                data = opened.read()
                _check_image(data)
                yield image.name, data
    except (tarfile.TarError, OSError, *OF_PILLOW) as error:
        raise _damaged(tar, f"{where}: {_line(error)}") from None


def _check_image(data: bytes) -> None:
    """Raises where an image cannot be decoded to its end. An eighth of the size is enough for that, and quicker."""
    with PIL.Image.open(io.BytesIO(data)) as image:
        if min(image.size) == 1:
            raise ValueError(f"it has {image.width}x{image.height} pixels, and none of ImageNet's is so small")
        image.draft("RGB", (max(1, image.width // 8), max(1, image.height // 8)))
        image.load()


def _damaged(tar: pathlib.Path, what: str) -> OdeltError:
    return OdeltError(f"{tar} is damaged ({what}): its md5 should be {IMAGENET_MD5}; get it again from image-net.org")


def _line(error: Exception) -> str:
    return one_line(re.sub(r" ?<_io\S* object at \w+>", "", str(error)))

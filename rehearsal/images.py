"""Stand-ins for the image datasets, cut from scikit-learn's two sample photographs: real structure, no download."""

import functools
import io
import pathlib
import tarfile

import numpy as np
import PIL.Image
import pyarrow
import pyarrow.parquet
import sklearn.datasets

SIZES = ((96, 80), (80, 96), (72, 72), (75, 100))  # H, W in turn


def write_imagenet_tar(path: pathlib.Path, classes: int, per_class: int, seed: int = 0) -> None:
    """A tar of class tars in the layout of ILSVRC2012_img_train.tar, JPEG of several sizes; same bytes every time."""
    rng = np.random.default_rng(seed)
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for label in range(classes):
            synset = f"n{1440764 + 9203 * label:08d}"
            members = io.BytesIO()
            with tarfile.open(fileobj=members, mode="w", format=tarfile.USTAR_FORMAT) as images:
                for number in range(per_class):
                    image = cut(rng, SIZES[number % len(SIZES)])
                    _add(images, f"{synset}_{number + 1}.JPEG", encoded(image, "JPEG", quality=90))
            _add(archive, f"{synset}.tar", members.getvalue())


def write_celebahq_parquet(directory: pathlib.Path, count: int, size: int, seed: int = 0) -> pathlib.Path:
    """`data/train-00000-of-00001.parquet` as on the hub: image {bytes, path} and label; square images of `size`."""
    rng = np.random.default_rng(seed)
    images = [{"bytes": encoded(cut(rng, (size, size)), "PNG"), "path": None} for _ in range(count)]
    image_type = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    columns = {"image": pyarrow.array(images, image_type), "label": pyarrow.array([k % 2 for k in range(count)])}
    path = pathlib.Path(directory) / "data" / "train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def cut(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """uint8 [H, W, 3]: a random window of a random photograph, two to three times as large, made smaller."""
    photograph = photographs()[rng.integers(2)]
    (height, width), zoom = size, rng.uniform(2, 3)
    extent = [min(int(side * zoom), whole) for side, whole in zip(size, photograph.shape, strict=False)]
    top, left = (rng.integers(whole - side + 1) for whole, side in zip(photograph.shape, extent, strict=False))
    window = PIL.Image.fromarray(photograph[top : top + extent[0], left : left + extent[1]])
    return np.asarray(window.resize((width, height), PIL.Image.Resampling.BILINEAR))


@functools.cache
def photographs() -> list[np.ndarray]:
    """china.jpg and flower.jpg, uint8 [427, 640, 3]."""
    return sklearn.datasets.load_sample_images().images


def encoded(image: np.ndarray, kind: str, **options) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(image).save(file, kind, **options)
    return file.getvalue()


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)  # its time is 0 and its owner nobody: the same bytes every time
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))

"""ImageNet 2012: the train split, from the user's own `ILSVRC2012_img_train.tar` (SPEC 7)."""

import pathlib
from typing import TYPE_CHECKING

from odelt.kinds.kind import DatasetSettings, Kind, own_path

if TYPE_CHECKING:
    from odelt.data.images import Images

IMAGES = 1_281_167
IMAGE_BYTES = 115e3  # of an original JPEG, on average


def count(settings: DatasetSettings) -> float:
    """Estimated from the tar's size: it may be a part of the whole."""
    tar = own_path(settings)
    return tar.stat().st_size / IMAGE_BYTES if tar.exists() else IMAGES


def write(settings: DatasetSettings, source: pathlib.Path | None, out: pathlib.Path) -> None:
    from odelt.data import builders

    builders.write_imagenet(own_path(settings), out, settings.fraction)


def open_written(settings: DatasetSettings, path: pathlib.Path) -> "Images":
    """The written images, which have their original sizes: the square in the middle, resized."""
    from odelt.data.images import Images, TfdsSource

    return Images(TfdsSource(path), settings.image, settings.channels, crop=True)


KIND = Kind(
    name="imagenet",
    description="ImageNet 2012, the user's own `ILSVRC2012_img_train.tar`",
    count=count,
    origin="path",
    image_bytes=IMAGE_BYTES,
    write=write,
    open=open_written,
    remedy="put ImageNet's train tar there (147,897,477,120 bytes; image-net.org gives it to who has an account)",
)

"""CelebA-HQ: the 28,000 images of its train split, downloaded as parquet files (SPEC 7)."""

import pathlib
from typing import TYPE_CHECKING

from odelt.kinds.kind import DatasetSettings, Kind

if TYPE_CHECKING:
    from odelt.data.images import Images


def write(settings: DatasetSettings, source: pathlib.Path | None, out: pathlib.Path) -> None:
    from odelt.data import builders

    assert source is not None  # its origin
    builders.write_celebahq(sorted(source.rglob("*.parquet")), out, settings.image, settings.fraction)


def open_written(settings: DatasetSettings, path: pathlib.Path) -> "Images":
    """The written images, which have their size already."""
    from odelt.data.images import Images, TfdsSource

    return Images(TfdsSource(path), settings.image, settings.channels, crop=False)


KIND = Kind(
    name="celebahq",
    description="CelebA-HQ, downloaded",
    count=lambda settings: 28_000,
    origin="source",
    image_bytes=110e3,  # 8-bit PNG at 256×256
    write=write,
    open=open_written,
)

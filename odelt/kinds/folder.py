"""A user's folder of images: a folder for each class."""

import pathlib
from typing import TYPE_CHECKING

from odelt.data import folders
from odelt.kinds.kind import DatasetSettings, Kind, own_path

if TYPE_CHECKING:
    from odelt.data.dataset import LabelledImages
    from odelt.data.images import Images


def open_folder(settings: DatasetSettings, path: pathlib.Path) -> "Images":
    """The images as a viewer shows them: upright, transparent parts white; then the square in the middle, resized."""
    from odelt.data.images import FolderSource, Images

    source = FolderSource(path, settings.fraction)
    return Images(source, settings.image, settings.channels, crop=True, as_seen=True)


def load(settings: DatasetSettings, source: pathlib.Path | None = None) -> "LabelledImages":
    from odelt.data.images import in_memory

    return in_memory(open_folder(settings, own_path(settings)))


KIND = Kind(
    name="folder",
    description="a folder with a folder of images for each class, taken as a viewer shows them (upright, on white; "
    "16-bit greys scaled to 8)",
    count=lambda settings: len(folders.images_there(own_path(settings))),
    origin="path",
    load=load,
    open=open_folder,
    remedy="a folder with a folder of images for each class is expected there",
    own_files=folders.images_there,
    names_read=folders.names_read,
    left_out=folders.left_out,
)

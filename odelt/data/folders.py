"""A user's folder of images: a folder for each class. Says which of its files are read.

This module imports nothing heavy, because the workflow looks at such a folder before every run.
"""

import os
import pathlib
from collections.abc import Iterator

from odelt.errors import OdeltError
from odelt.files import require_regular
from odelt.quoting import quoted

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
SHOWN = 10  # names in a message


def share(count: int, fraction: float) -> int:
    """Returns a fraction in (0, 1] of `count`, rounded, but at least 1 if `count` is not 0."""
    if not 0 < fraction <= 1:
        raise OdeltError(f"fraction {fraction:g}: a share of the data is above 0 and at most 1")
    return min(count, max(1, round(count * fraction)))


def images_by_class(root: pathlib.Path, fraction: float = 1.0) -> dict[str, list[str]]:
    """Returns the names of the images to read, by class. Both are sorted, and hidden files are left out.

    A class is a folder, or a link to one. `fraction` in (0, 1] takes the first share of every class, at least one
    image.

    Raises:
        OdeltError: the folder, a class or an image is missing or of another kind; the line names it.
    """
    root = pathlib.Path(root)
    if not os.path.isdir(root):
        raise OdeltError(f"{root} is missing: it should be a folder with one sub-folder of images per class")
    classes = _classes(root)
    if not classes:
        raise OdeltError(f"{root} has no sub-folders: put the images of each class into a folder of its own")
    for name, images in classes.items():
        if not images:
            raise OdeltError(f"{root / name} has no images ({', '.join(SUFFIXES)}): add some or remove the folder")
        for image in images:
            require_regular(root / name / image, "image")
    return {name: images[: share(len(images), fraction)] for name, images in classes.items()}


def names_read(root: pathlib.Path, fraction: float = 1.0) -> list[str]:
    """Returns the same images as paths below the folder."""
    return _joined(images_by_class(root, fraction))


def left_out(root: pathlib.Path) -> str | None:
    """Returns a line with the number and names of the files below the folder that are not read; None without any.

    Hidden files do not count, unless they have the name of an image.
    """
    unread = sorted(_unread(pathlib.Path(root)))
    if not unread:
        return None
    shown = ", ".join(map(quoted, unread[:SHOWN])) + (" and more" if len(unread) > SHOWN else "")
    files = "1 file is" if len(unread) == 1 else f"{len(unread)} files are"
    return f"{root}: {files} left out, as no image ({', '.join(SUFFIXES)}) directly in the folder of a class: {shown}"


def images_there(root: pathlib.Path) -> list[str]:
    """Returns all images as paths below the folder, whether each can be read or not; none without such a folder."""
    try:
        return _joined(_classes(root)) if os.path.isdir(root) else []
    except OdeltError:  # a folder that cannot be read, which the reader tells
        return []


def _joined(images: dict[str, list[str]]) -> list[str]:
    return [f"{name}/{image}" for name, images_of_class in images.items() for image in images_of_class]


def _classes(root: pathlib.Path) -> dict[str, list[str]]:
    """Returns for each class its files with the name of an image."""
    classes = [name for name in _names(root) if not name.startswith(".") and os.path.isdir(root / name)]
    return {name: [image for image in _names(root / name) if _is_image(image)] for name in classes}


def _names(folder: pathlib.Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise OdeltError(f"cannot read the folder {folder}: {error.strerror}") from None


def _is_image(name: str) -> bool:
    return not name.startswith(".") and name.lower().endswith(SUFFIXES)


def _unread(root: pathlib.Path) -> Iterator[str]:
    """Yields the paths of the files below the folder that are not read. A link to a folder counts as a file."""
    for folder in [root, *(root / name for name in _classes(root))]:
        for parent, folders, names in os.walk(folder):
            at_top = pathlib.Path(parent) == folder
            if at_top and folder == root:
                folders.clear()  # the classes, which come by themselves
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in [*names, *(name for name in folders if os.path.islink(os.path.join(parent, name)))]:
                read = at_top and folder != root and _is_image(name)
                hidden = name.startswith(".") and not name.lower().endswith(SUFFIXES)
                if not (read or hidden):
                    yield pathlib.Path(parent, name).relative_to(root).as_posix()

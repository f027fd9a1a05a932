"""What a kind of dataset declares."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

from odelt.errors import OdeltError

if TYPE_CHECKING:
    from odelt.data.dataset import LabelledImages
    from odelt.data.images import Images


class DatasetSettings(Protocol):
    """The keys of a dataset in a suite (`odelt.config.Dataset`) that a kind reads."""

    @property
    def name(self) -> str: ...
    @property
    def image(self) -> tuple[int, int]: ...  # height and width, in pixels
    @property
    def channels(self) -> int: ...
    @property
    def classes(self) -> int: ...
    @property
    def path(self) -> str | None: ...
    @property
    def fraction(self) -> float: ...


@dataclasses.dataclass(frozen=True, eq=False)  # each is itself alone, and so has a hash
class Kind:
    """A kind of dataset. A function that is None says what the kind cannot do.

    An experiment without a codec needs `load`, and one with a codec needs `open`. Where `write` is None, `open` reads
    the user's files at `path` themselves. `load` runs in the environment of JAX (the rule prepare_data), `write` in
    that of TensorFlow (prepare_images), and `open` in that of PyTorch.
    """

    name: str
    description: str  # for the table of keys
    count: Callable[[DatasetSettings], float]  # of images, whatever the fraction; 0 if unknown before they are read
    origin: Literal["source", "path"] | None = None  # the key that says where the images come from
    fixed: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # values that other keys must have
    image_bytes: float = 0  # of a written image on the disk, on average

    # All images and labels in memory; the second argument is what was downloaded.
    load: Callable[[DatasetSettings, pathlib.Path | None], "LabelledImages"] | None = None
    # Writes the images to a folder, the third argument; the second is what was downloaded.
    write: Callable[[DatasetSettings, pathlib.Path | None, pathlib.Path], None] | None = None
    # The images by index, from the folder that `write` wrote, or from the user's own.
    open: Callable[[DatasetSettings, pathlib.Path], "Images"] | None = None

    # Of a kind whose images the user brings:
    remedy: str = ""  # where nothing is at `path`
    # The files at `path` whose change makes results stale, as paths below it; it is itself a file without this.
    own_files: Callable[[pathlib.Path], list[str]] = lambda path: [""]
    # The files at `path` that a fraction of every class consists of: a record's digest covers them. All without this.
    names_read: Callable[[pathlib.Path, float], list[str]] | None = None
    # A line on the files at `path` that are not read.
    left_out: Callable[[pathlib.Path], str | None] = lambda path: None

    def __str__(self) -> str:
        return self.name

    @property
    def in_place(self) -> bool:
        """Whether the images are read where the user keeps them."""
        return self.origin == "path" and self.write is None


def own_path(settings: DatasetSettings) -> pathlib.Path:
    """Returns the path of a dataset whose kind has it as its origin."""
    assert settings.path is not None  # the configuration is checked
    return pathlib.Path(settings.path)


def check_classes(count: int, settings: DatasetSettings) -> None:
    """Raises OdeltError if `count`, the number of classes among the images, is not the configured one."""
    if count != settings.classes:
        raise OdeltError(
            f"dataset '{settings.name}' has {count} classes, and its configuration says {settings.classes}: "
            "correct 'classes' there, or the images"
        )

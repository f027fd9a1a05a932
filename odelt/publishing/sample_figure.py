"""The figure of samples: steps by lengths."""

import pathlib
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from odelt.errors import OdeltError
from odelt.publishing.figures import STYLE, not_run_yet, save
from odelt.results.verdicts import NOT_RUN


def sample_grid(cells: Mapping[tuple[int | None, int], np.ndarray], labels: Sequence[int], out: pathlib.Path) -> None:
    """A picture grid: a row per length (None: the full path; longest first), a column per T.

    Every cell holds images [K, H, W, C] in [-1, 1], C 1 or 3, of the same noise and the same K labels.

    Raises:
        OdeltError: a cell's shape is not that of the others.
    """
    title = "The same noise and labels at every length $l$ and number of Euler steps $T$"
    if not cells:
        with matplotlib.rc_context(STYLE):
            return save(not_run_yet(title), out)
    lengths = sorted({length for length, _ in cells}, key=lambda length: (length is not None, -(length or 0)))
    steps = sorted({T for _, T in cells})
    shape = _common_shape(cells, len(labels))
    strip_width, strip_height = shape[0] * shape[2] + shape[0] - 1, shape[1]
    width = 11 / len(steps)
    size = (11.6, 0.65 + len(lengths) * (width * strip_height / strip_width + 0.06))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(lengths), len(steps), squeeze=False)
        for (row, length), (column, T) in ((r, c) for r in enumerate(lengths) for c in enumerate(steps)):
            _draw_strip(grid[row, column], cells.get((length, T)), (strip_height, strip_width))
        for axes, T in zip(grid[0], steps, strict=True):
            axes.set_title(f"$T = {T}$", pad=14)
            _label_images(axes, labels, shape[2])
        for axes, length in zip(grid[:, 0], lengths, strict=True):
            axes.set_ylabel("full" if length is None else f"$l = {length}$", rotation=0, ha="right", va="center")
        figure.suptitle(title)
        save(figure, out)


def _common_shape(cells: Mapping[tuple, np.ndarray], labels: int) -> tuple[int, int, int, int]:
    shapes = {images.shape for images in cells.values()}
    if len(shapes) != 1:
        raise OdeltError(f"a sample grid needs cells of one shape, and these have {sorted(shapes)}")
    (shape,) = shapes
    if len(shape) != 4 or shape[3] not in (1, 3) or shape[0] != labels:
        raise OdeltError(f"a sample grid needs images [{labels}, H, W, 1 or 3], one for each label, not {list(shape)}")
    return shape


def _draw_strip(axes: Axes, images: np.ndarray | None, size: tuple[int, int]) -> None:
    """Images [K, H, W, C] side by side, one white pixel between them; `size` is the strip's height and width."""
    axes.set(xticks=[], yticks=[], frame_on=False)
    if images is None:
        axes.imshow(np.ones((*size, 3)))
        axes.text(0.5, 0.5, NOT_RUN, transform=axes.transAxes, ha="center", va="center")
        return
    spaced = np.pad(np.clip((images + 1) / 2, 0, 1), ((0, 0), (0, 0), (0, 1), (0, 0)), constant_values=1)
    strip = np.concatenate(list(spaced), axis=1)[:, :-1]
    axes.imshow(np.broadcast_to(strip, (*size, 3)), interpolation="nearest")


def _label_images(axes: Axes, labels: Sequence[int], width: int) -> None:
    """Writes each image's class above it."""
    for k, label in enumerate(labels):
        x = (k * (width + 1) + width / 2 - 0.5, 1)
        axes.annotate(
            f"{label}",
            x,
            (0, 2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            fontsize=7,
        )

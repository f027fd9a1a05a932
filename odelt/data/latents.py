"""The store of latent moments (SPEC 7): what the encoder says of every image, in ArrayRecord shards read by index.

A directory of shards, `moments-<k>-of-<n>.array_record`, and `index.json`, which holds their digests, so that its own
stands for the whole store. Image i has one record for each flip state, i·F + f: its label (int32), then the mean and
the log-variance (float32 [h, w, 8], little-endian). ArrayRecord keeps a checksum of every record. Neither jax nor torch
is imported: moments go from the encoder's world to the training's.
"""

import contextlib
import itertools
import json
import pathlib
from collections.abc import Callable, Iterator

import numpy as np
from array_record.python.array_record_data_source import ArrayRecordDataSource
from array_record.python.array_record_module import ArrayRecordWriter

from odelt import files, trace
from odelt.errors import OdeltError

INDEX = "index.json"
REMEDY = "delete the directory, and the workflow makes it again"
SHARD_SIZE = 4096  # images
LABEL, VALUE = np.dtype("<i4"), np.dtype("<f4")


def write_store(
    out: pathlib.Path, batches: Iterator[tuple[np.ndarray, np.ndarray]], *, shard_size: int = SHARD_SIZE
) -> None:
    """Writes a store as batches come; the directory `out` appears whole, in the place of an earlier one.

    Args:
        batches: moments, float32 [N, F, h, w, 8] with F = 1, or 2 where the mirror image follows the image, not
            scaled; and labels, int32 [N].
        shard_size: images per shard.

    Raises:
        OdeltError: there are no images, moments are not finite, or the disk is full.
    """
    with files.writing_whole(out) as whole:
        index = _write_shards(whole, batches, shard_size)
        (whole / INDEX).write_text(json.dumps(index, indent=1), encoding="utf-8")


def _write_shards(folder: pathlib.Path, batches: Iterator, shard_size: int) -> dict:
    rows = ((moments, label) for batch in batches for moments, label in zip(*batch, strict=True))
    shards: list[pathlib.Path] = []
    shape: tuple[int, ...] | None = None
    count, labels = 0, set()
    while (first := next(rows, None)) is not None:
        shards.append(folder / f"shard-{len(shards)}")
        with _shard_writer(shards[-1]) as write:
            for moments, label in itertools.chain([first], itertools.islice(rows, shard_size - 1)):
                shape = shape or moments.shape
                if moments.shape != shape:
                    raise ValueError(f"moments of {moments.shape} among those of {shape}")
                if not np.isfinite(moments).all():
                    raise OdeltError(f"the moments of image {count} are not finite: encode in float32")
                for flip_state in moments:
                    write(np.asarray(label, LABEL).tobytes() + np.asarray(flip_state, VALUE).tobytes())
                count += 1
                labels.add(int(label))
    if shape is None:
        raise OdeltError("there are no images to store moments of")
    named = [
        shard.rename(folder / f"moments-{k:05d}-of-{len(shards):05d}.array_record") for k, shard in enumerate(shards)
    ]
    return {
        "count": count,
        "shape": shape[1:],
        "dtype": "float32",
        "flips": shape[0],
        "labels": len(labels),
        "shard_size": shard_size,
        "shards": [
            {"file": shard.name, "bytes": shard.stat().st_size, "sha256": files.digest(shard)} for shard in named
        ],
    }


@contextlib.contextmanager
def _shard_writer(path: pathlib.Path) -> Iterator[Callable[[bytes], None]]:
    """Yields a function that writes a record. Records are not compressed, so that each can be read alone."""
    writer = ArrayRecordWriter(str(path), "group_size:1,uncompressed")

    def attempt(act: Callable, *data: bytes) -> None:
        try:
            act(*data)
        except RuntimeError as error:  # ArrayRecord raises it when the disk is full
            raise OSError(str(error).partition(";")[0]) from None

    try:
        yield lambda record: attempt(writer.write, record)
    finally:
        attempt(writer.close)


class Moments:
    """An opened store: `len` images; `moments[i]` is (float32 [F, h, w, 8], label). Threads may read at once.

    Raises:
        OdeltError: the store, or a shard of it, is missing or cut short.
    """

    def __init__(self, path: pathlib.Path):
        self.path = pathlib.Path(path)
        files.require_regular(self.path / INDEX, "index of a store")
        trace.used(self.path)
        try:
            index = json.loads((self.path / INDEX).read_text(encoding="utf-8"))
            self._count, self._shard_size = int(index["count"]), int(index["shard_size"])
            self.shape = tuple(map(int, index["shape"]))  # h, w, 8
            self.flips = int(index["flips"])  # 2 where mirror images are stored too
            self.labels = int(index["labels"])  # how many different ones there are
            self._shards = [(str(shard["file"]), int(shard["bytes"])) for shard in index["shards"]]
        except (FileNotFoundError, NotADirectoryError):
            raise OdeltError(f"{self.path} is no store of moments: it has no {INDEX}; {REMEDY}") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OdeltError(f"{self.path / INDEX} is damaged ({type(error).__name__}: {error}): {REMEDY}") from None
        self._check_sizes()
        self._records = ArrayRecordDataSource(
            [f"{self.path / name}[0:{images * self.flips}]" for name, images in self._images_per_shard()],
            {"max_parallelism": "0"},
        )

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        states, labels = zip(*(self.read(index, flip) for flip in range(self.flips)), strict=True)
        return np.stack(states), labels[0]

    def read(self, index: int, flip: int) -> tuple[np.ndarray, int]:
        """Moments [h, w, 8] of an image (flip 0) or of its mirror image (1), and the label. Reads one record.

        Raises:
            OdeltError: the record's checksum is not its own, or its moments are not finite; the line names the shard.
        """
        index = range(self._count)[index]
        try:
            record = self._records[index * self.flips + flip]
        except (RuntimeError, ValueError, IndexError, OSError) as error:  # ArrayRecord raises them for damage
            raise self._damaged(index // self._shard_size, " ".join(str(error).split())[:100]) from None
        values = np.frombuffer(record, VALUE, offset=LABEL.itemsize).reshape(self.shape)
        if not np.isfinite(values).all():
            raise self._damaged(index // self._shard_size, f"the moments of image {index} are not finite")
        return values, int(np.frombuffer(record, LABEL, count=1)[0])

    def _images_per_shard(self) -> Iterator[tuple[str, int]]:
        for number, (name, _) in enumerate(self._shards):
            yield name, min(self._shard_size, self._count - number * self._shard_size)

    def _check_sizes(self) -> None:
        """ArrayRecord takes a file that was cut short for an empty one, so sizes are compared."""
        for number, (name, size) in enumerate(self._shards):
            shard = self.path / name
            if not shard.is_file():
                raise self._damaged(number, "it is missing")
            if shard.stat().st_size != size:
                raise self._damaged(number, f"{shard.stat().st_size} bytes instead of {size}")

    def _damaged(self, shard: int, what: str) -> OdeltError:
        return OdeltError(f"{self.path / self._shards[shard][0]} is damaged ({what}): {REMEDY}")

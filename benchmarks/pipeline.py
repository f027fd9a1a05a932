"""How fast training's loader is: reading batches of a store of latent moments.

Beside it `--consumed`, the images/s that a training step takes.
"""

import argparse
import itertools
import pathlib
import tempfile
from typing import Any

import numpy as np
from common import add_out, quartiles, report, seconds, told

from odelt.config import Network
from odelt.machine import devices

LATENT = Network(width=4, heads=1, depth=1, group=1, min_length=1, channels=4, classes=1000, image=(32, 32))


def loader(batch: int, repeats: int, count: int, consumed: float | None) -> dict[str, Any]:
    """Rows/s of batches from a store of moments as ImageNet's: 32×32×8, float32, with mirror images.

    The floor is of bytes: a batch copied once in memory. The store was just written, so a disk is not what is timed.
    """
    from train_step import write_random_store

    from odelt.data import latents
    from odelt.data.loader import batches

    with tempfile.TemporaryDirectory() as name:
        path = pathlib.Path(name, "latents")
        write_random_store(path, LATENT, count)
        stream = batches(latents.Moments(path), batch, 0, 0, 10**9)
        for _ in itertools.islice(stream, 20):  # what was read ahead while nobody asked
            pass
        per_repeat = 20
        timed = [seconds(lambda: list(itertools.islice(stream, per_repeat))) / per_repeat for _ in range(repeats)]
    of_batch = quartiles(timed)
    moved = 2 * batch * 4 * 32 * 32 * 8
    floor_s = moved / host_copy_rate()
    found = {
        "rows_per_s": batch / of_batch["median"],
        "seconds": of_batch,
        "bytes_per_s": moved / 2 / of_batch["median"],
        "floor_s": floor_s,
        "utilisation": floor_s / of_batch["median"],
    }
    if consumed:
        found |= {"consumed_rows_per_s": consumed, "faster_than_training": found["rows_per_s"] / consumed}
    return found


def host_copy_rate(size: int = 256 << 20) -> float:
    """Bytes/s read and written of a copy in memory, by one core."""
    a, b = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    return 2 * size / min(seconds(lambda: np.copyto(b, a)) for _ in range(5))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True, metavar="loader")
    part = parts.add_parser("loader")
    part.add_argument("--batch", type=int, default=256)
    part.add_argument("--repeats", type=int, default=5)
    part.add_argument("--images", type=int, default=4096, help="in the store")
    part.add_argument("--consumed", type=float, help="images/s of a training step")
    add_out(part)
    arguments = parser.parse_args()
    figures = loader(arguments.batch, arguments.repeats, arguments.images, arguments.consumed)
    report(arguments, devices.processor(), figures)


if __name__ == "__main__":
    told(main)

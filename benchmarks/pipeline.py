"""How fast the pictures' side of the pipeline is: the VAE, Inception, and the loader of training.

`vision` times encoding, decoding and both protocols of Inception's features (in `.venv-full`, where PyTorch is), on
networks of the real sizes with random weights. `loader` times reading batches of a store of latent moments (in either
environment), beside `--consumed`, the images/s that a training step takes.
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
from odelt.planning import costs

SIDE = 256  # pixels of an image
LATENT = Network(width=4, heads=1, depth=1, group=1, min_length=1, channels=4, classes=1000, image=(32, 32))


def vision(batch: int, repeats: int, dtype: str) -> dict[str, Any]:
    """Images/s of `batch` images at once, each part with the floor of its operations at the measured matmul rate."""
    import torch
    from diffusers import AutoencoderKL

    from odelt import vision
    from odelt.vision import inception
    from odelt.vision.vae import Autoencoder
    from rehearsal.vision import write_inception, write_torchscript

    device = vision.device_of()
    torch.manual_seed(0)
    images = np.random.default_rng(0).uniform(-1, 1, (batch, SIDE, SIDE, 3)).astype(np.float32)
    latents = np.random.default_rng(1).standard_normal((batch, SIDE // 8, SIDE // 8, 4)).astype(np.float32)
    network = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
        sample_size=SIDE,
    )
    network = network.requires_grad_(False).to(device, memory_format=torch.channels_last)
    codec = Autoencoder(network, device, dtype, batch)
    with tempfile.TemporaryDirectory() as name:
        weights, script = pathlib.Path(name, "fid.pth"), pathlib.Path(name, inception.TORCHSCRIPT)
        write_inception(weights, 0)
        write_torchscript(script, 0)
        scorer = inception.InceptionNetworks(weights, script, batch_size=batch)
    parts = {
        "encode": (lambda: codec.moments(images), costs.ENCODE * SIDE**2, dtype),
        "decode": (lambda: codec.decode(latents), costs.DECODE * SIDE**2, dtype),
        "features": (lambda: scorer.legacy(images), costs.INCEPTION, "float32"),
    }
    found = {}
    for name, (run, flops, of_dtype) in parts.items():
        run()
        timed = quartiles([seconds(run) for _ in range(repeats)])
        rate = torch_matmul_rate(device, of_dtype)
        floor_s = batch * flops / rate
        found[name] = {
            "images_per_s": batch / timed["median"],
            "seconds": timed,
            "flops": batch * flops,
            "floor_s": floor_s,
            "utilisation": floor_s / timed["median"],
            "matmul_flops_per_s": rate,
        }
    # The stand-in of the other Inception file has not its sizes; its resize, on the host, has.
    pixels = list(inception.to_pixels(images))
    resize = inception.build_resizer("clean")
    timed = quartiles([seconds(lambda: [resize(one) for one in pixels]) for _ in range(repeats)])
    found["clean_resize_on_one_core"] = {"images_per_s": batch / timed["median"], "seconds": timed}
    return found


def torch_matmul_rate(device, dtype: str, side: int | None = None) -> float:
    """FLOP/s of a large square product by PyTorch, the best of several."""
    import torch

    side = side or (8192 if device.type == "cuda" else 1024)
    a = torch.randn(side, side, device=device, dtype=getattr(torch, dtype))
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None

    def product():
        for _ in range(8):
            a @ a
        wait()

    product()
    return 8 * 2 * side**3 / min(seconds(product) for _ in range(5))


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
        stream = batches(latents.open_store(path), batch, 0, 0, 10**9)
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
    parts = parser.add_subparsers(dest="part", required=True, metavar="vision|loader")
    for name in ("vision", "loader"):
        part = parts.add_parser(name)
        part.add_argument("--batch", type=int, default=64 if name == "vision" else 256)
        part.add_argument("--repeats", type=int, default=5)
        add_out(part)
    parts.choices["vision"].add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parts.choices["loader"].add_argument("--images", type=int, default=4096, help="in the store")
    parts.choices["loader"].add_argument("--consumed", type=float, help="images/s of a training step")
    arguments = parser.parse_args()
    if arguments.part == "loader":
        figures = loader(arguments.batch, arguments.repeats, arguments.images, arguments.consumed)
        return report(arguments, devices.processor(), figures)
    try:
        figures = vision(arguments.batch, arguments.repeats, arguments.dtype)
    except ModuleNotFoundError as error:
        from odelt.errors import OdeltError

        raise OdeltError(f"{error.name} is not in this environment: run it with .venv-full/bin/python") from None
    from odelt import vision as world

    device = world.device_of()
    name = devices.processor() if device.type == "cpu" else world.torch.cuda.get_device_name()
    report(arguments, name, figures)


if __name__ == "__main__":
    told(main)

"""How fast sample sets are scored: latents decoded, both protocols of Inception's features and statistics (SPEC 6).

Networks have the real sizes and random weights; `--small` takes the rehearsal's stand-ins, for a machine without a GPU.
Each precision has the rate of the whole stage (`images_per_s`, what the verb `statistics` does), the `minutes` that
49,152 images take at this rate, the rates of its parts alone, whether a second pass gives the same bits, and `errors`:
how far images and features are from float32's. Random weights make other errors than trained ones; a suite's own are in
`datasets/<name>/codec.json`.

`--variants` run the decoder in other ways: `norms` (normalisations that keep channels last in memory, where PyTorch's
reorder it), `autotuned` (cuDNN tries its kernels), `nchw` (channels first in memory), `compiled` (torch.compile).
"""

import argparse
import pathlib
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import Any, get_args

import numpy as np
from common import add_out, quartiles, report, seconds, told

try:
    import torch
    from cleanfid.inception_pytorch import InceptionV3
    from diffusers import AutoencoderKL
except ModuleNotFoundError as missing:
    print(f"scoring.py: {missing.name} is not in this environment: run it with .venv-full/bin/python", file=sys.stderr)
    sys.exit(2)

from odelt import vision
from odelt.commands.kinds import at_least
from odelt.config import Precision
from odelt.machine import devices
from odelt.planning import costs
from odelt.vision import describing, inception, precisions, streams, vae
from rehearsal import vision as stand_ins

SAMPLES = 49_152  # of a set (SPEC 6)
SIDE, SMALL_SIDE = 256, 32  # pixels of an image
FACTOR = 8  # its side over its latent's
WIDTHS = (128, 256, 512, 512)  # channels of stabilityai/sd-vae-ft-mse
VARIANTS = ("norms", "autotuned", "nchw", "compiled")
LEGACY = "pt_inception.pth"


def codec_of(device: torch.device, batch: int, folder: pathlib.Path, small: bool) -> vae.Autoencoder:
    """A VAE of the real size (SPEC 7), or the stand-in, with random weights."""
    if small:
        stand_ins.write_vae(folder / "vae", seed=0)
        return vae.load(folder / "vae", batch_size=batch)
    torch.manual_seed(0)
    down, up = (f"{way}Block2D" for way in ("DownEncoder", "UpDecoder"))
    network = AutoencoderKL(
        down_block_types=(down,) * 4, up_block_types=(up,) * 4, block_out_channels=WIDTHS, layers_per_block=2
    )
    network = network.requires_grad_(False).to(device, memory_format=torch.channels_last)
    return vae.Autoencoder(network, device, "float32", batch)


def inception_of(batch: int, folder: pathlib.Path, small: bool) -> inception.InceptionNetworks:
    """Both networks with random weights; the clean one is the FID network too, as its real file has that size."""
    stand_ins.write_inception(folder / LEGACY, seed=0)
    script = folder / inception.TORCHSCRIPT
    stand_ins.write_torchscript(script, seed=0)
    if not small:
        with stand_ins.mock.patch.object(
            stand_ins.cleanfid.inception_pytorch,
            "load_state_dict_from_url",
            lambda *_, **__: torch.load(folder / LEGACY, weights_only=True),
        ):
            network = InceptionV3(output_blocks=[3], resize_input=False, normalize_input=False)
        torch.jit.script(_Clean(network).eval()).save(str(script))
    return inception.load(folder / LEGACY, script, batch_size=batch)


class _Clean(torch.nn.Module):
    """`layers`, as clean-fid asks a TorchScript file for them."""

    def __init__(self, network: torch.nn.Module):
        super().__init__()
        blocks = [block for group in network.blocks for block in group]
        self.layers = torch.nn.Sequential(*blocks, torch.nn.Flatten())

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.layers(pixels)


def stage(codec: vae.Autoencoder, networks: inception.InceptionNetworks, latents: np.ndarray) -> dict[str, Any]:
    """The whole stage over all latents, twice after one batch that is not counted."""

    def run(count: int) -> dict[str, Any]:
        batches = (latents[k : min(k + codec.batch_size, count)] for k in range(0, count, codec.batch_size))
        return describing.describe(streams.decoded(batches, codec, vae.SCALING), networks, subset=count)

    run(codec.batch_size)
    made: list[dict] = []
    timed = quartiles([seconds(lambda: made.append(run(len(latents)))) for _ in range(2)])
    same = all(np.array_equal(made[0][name], made[1][name]) for name in made[0])
    rate = len(latents) / timed["median"]
    return {"images_per_s": rate, "seconds": timed, "minutes": SAMPLES / rate / 60, "same_bits_again": same}


def parts(
    codec: vae.Autoencoder, networks: inception.InceptionNetworks, latents: np.ndarray, repeats: int, small: bool
) -> dict[str, Any]:
    """Each part alone on one batch, waited for, with the floor of its operations where they are counted."""
    z = vision.upload(latents[: codec.batch_size], codec.device)
    images = codec.decoded(z)
    pixels = vision.Readback(inception.to_pixels(images).permute(0, 2, 3, 1)).array
    resized = torch.rand(len(z), inception.SIDE, inception.SIDE, 3) * 255
    each = {
        "encode": (lambda: codec.encoded(images), costs.ENCODE * images[0, 0].numel()),
        "decode": (lambda: codec.decoded(z), costs.DECODE * images[0, 0].numel()),
        "legacy": (lambda: networks.legacy(images), costs.INCEPTION),
        "clean": (lambda: networks.clean(vision.upload(resized.numpy(), codec.device)), costs.INCEPTION),
        "resize_on_one_core": (lambda: [inception.resize_clean(image) for image in pixels], None),
    }
    rate = matmul_rate(codec.device, codec.precision)
    found: dict[str, Any] = {"matmul_flops_per_s": rate}
    for name, (run, flops) in each.items():
        found[name] = timed_rate(run, len(z), codec.device, repeats)
        if flops is not None and not small:  # the stand-ins have not so many
            found[name]["utilisation"] = flops * found[name]["images_per_s"] / rate
    return found


def timed_rate(run, count: int, device: torch.device, repeats: int) -> dict[str, Any]:
    def waited() -> None:
        run()
        if device.type == "cuda":
            torch.cuda.synchronize()

    waited()
    timed = quartiles([seconds(waited) for _ in range(repeats)])
    return {"images_per_s": count / timed["median"], "seconds": timed}


def matmul_rate(device: torch.device, precision: Precision) -> float:
    """FLOP/s of a large square product by PyTorch, the best of several."""
    side = 8192 if device.type == "cuda" else 1024
    a = torch.randn(side, side, device=device)

    def products() -> None:
        with vision.computing(device, precision):
            for _ in range(8):
                a @ a

    timed = timed_rate(products, 1, device, 5)
    return 8 * 2 * side**3 * timed["images_per_s"]


class ChannelsLast(torch.nn.GroupNorm):
    """Group normalisation of [N, C, H, W] whose channels are last in memory, in three passes over it."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if input.ndim != 4:
            return super().forward(input)
        n, c = input.shape[:2]
        # Over pixels first, channel by channel, then over a group's channels.
        variances, means = torch.var_mean(input.float(), dim=(2, 3), correction=0)
        variances, means = (of_channels.view(n, self.num_groups, -1) for of_channels in (variances, means))
        mean = means.mean(dim=2, keepdim=True)
        variance = (variances + (means - mean) ** 2).mean(dim=2, keepdim=True)
        scale = self.weight.view(self.num_groups, -1) * torch.rsqrt(variance + self.eps)
        shift = self.bias.view(self.num_groups, -1) - mean * scale
        return torch.addcmul(shift.view(n, c, 1, 1), input, scale.view(n, c, 1, 1))


def change(network: Any, variant: str, small: bool) -> None:
    """Has the decoder run in another way. At a small size, for a processor, `compiled` traces it only."""
    for module in network.modules():
        if isinstance(module, torch.nn.GroupNorm):
            module.__class__ = ChannelsLast if variant == "norms" else torch.nn.GroupNorm
    network.to(memory_format=torch.contiguous_format if variant == "nchw" else torch.channels_last)
    vision.AUTOTUNED = variant == "autotuned"
    if variant == "compiled":
        network.decoder.compile(dynamic=False, backend="eager" if small else "inductor")


def measure(arguments: argparse.Namespace, folder: pathlib.Path) -> dict[str, Any]:
    device, side = vision.device_of(), SMALL_SIDE if arguments.small else SIDE
    codec = codec_of(device, arguments.batch, folder, arguments.small)
    networks = inception_of(arguments.batch, folder, arguments.small)
    shape = (arguments.images, side // FACTOR, side // FACTOR, 4)
    latents = np.random.default_rng(0).standard_normal(shape, np.float32)
    exact = precisions.through(codec, networks, latents[: arguments.compared], "float32")
    of_device = [precision for precision in arguments.precisions if vision.precision_on(device, precision) == precision]

    def of(precision: Precision) -> dict[str, Any]:
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        found = stage(codec.at(precision), networks.at(precision), latents)
        if not arguments.small:
            found["flops"] = arguments.images * (costs.DECODE * side**2 + 2 * costs.INCEPTION)
        made = precisions.through(codec, networks, latents[: arguments.compared], precision)
        found["errors"] = precisions.differences(made, exact)
        if device.type == "cuda":
            found["peak_bytes"] = torch.cuda.max_memory_allocated()
        return found

    found = {}
    for variant in arguments.variants:
        change(codec.network, variant, arguments.small)
        found |= {f"{precision}, {variant}": of(precision) for precision in of_device}
    if not arguments.variants:
        for precision in of_device:
            alone = (codec.at(precision), networks.at(precision), latents, arguments.repeats, arguments.small)
            found[precision] = of(precision) | {"parts": parts(*alone)}
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=at_least(2), default=512)
    parser.add_argument("--compared", type=at_least(2), default=64, help="images on which errors are measured")
    parser.add_argument("--batch", type=at_least(2), default=64)
    parser.add_argument("--repeats", type=at_least(1), default=3, help="of each part alone")
    parser.add_argument("--precisions", type=some_of(get_args(Precision)), default=get_args(Precision), metavar="P,…")
    parser.add_argument("--variants", type=some_of(VARIANTS), default=[], metavar="V,…")
    parser.add_argument("--small", action="store_true", help="the rehearsal's stand-ins and images of 32×32")
    add_out(parser)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        figures = measure(arguments, pathlib.Path(name))
    on_gpu = vision.device_of().type == "cuda"
    report(arguments, torch.cuda.get_device_name() if on_gpu else devices.processor(), figures)


def some_of(known: Sequence[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        for name in text.split(","):
            if name not in known:
                raise argparse.ArgumentTypeError(f"'{name}' is unknown; known are {', '.join(known)}")
        return text.split(",")

    return parse


if __name__ == "__main__":
    told(main)

"""The codec of SPEC 7: diffusers' AutoencoderKL between images and latents, in batches, from local files only."""

import dataclasses
import pathlib
import shutil
import sysconfig
from collections.abc import Callable
from typing import Any

import numpy as np
import safetensors
import torch
from diffusers import AutoencoderKL  # pyright: ignore[reportPrivateImportUsage] - it is documented there

from odelt import trace, vision
from odelt.config import Precision
from odelt.errors import OdeltError
from odelt.quoting import one_line

SCALING = 0.18215  # SPEC 7: what makes the latents' variance about one
CONFIG, TENSORS = "config.json", "diffusion_pytorch_model.safetensors"


@dataclasses.dataclass(frozen=True)
class Autoencoder:
    """A VAE on its device. Weights are float32; `precision` is that of the computation, and one that the device has.

    At most `batch_size` images are computed at a time, however many are given.
    """

    network: AutoencoderKL
    device: torch.device
    precision: Precision = "float32"
    batch_size: int = 32

    def at(self, precision: Precision) -> "Autoencoder":
        """The same VAE in another precision, where the device has that."""
        return dataclasses.replace(self, precision=vision.precision_on(self.device, precision))

    def encoded(self, images: torch.Tensor) -> torch.Tensor:
        """float32 [N, 8, H/8, W/8]: mean, then log-variance, of the encoder's Gaussian for images [N, 3, H, W].

        The images are float32 in [-1, 1]. The moments are not scaled; the log-variance is clamped to [-30, 20], as
        diffusers clamps it.
        """
        network: Any = self.network  # its annotations have one type of tensor, and a tuple that nobody asks for

        def encode(x: torch.Tensor) -> torch.Tensor:
            gaussian = network.encode(x).latent_dist
            return torch.cat([gaussian.mean, gaussian.logvar], dim=1)

        return self._run(encode, images)

    def decoded(self, latents: torch.Tensor, scaling: float = SCALING) -> torch.Tensor:
        """float32 images [N, 3, 8h, 8w], about in [-1, 1] and not clipped, of latents [N, 4, h, w].

        The latents are those of the flow: the encoder's times `scaling`, which is divided out first.
        """
        network: Any = self.network
        return self._run(lambda z: network.decode(z / scaling).sample, latents)

    def moments(self, images: np.ndarray) -> np.ndarray:
        """`encoded` of arrays: [N, H/8, W/8, 8] of [N, H, W, 3]."""
        moments = self.encoded(vision.upload(images, self.device))
        return vision.Readback(moments.permute(0, 2, 3, 1)).array

    def _run(self, part: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        with vision.computing(self.device, self.precision):
            return vision.in_parts(part, x, self.batch_size).float()


def load(
    directory: pathlib.Path, device: str | None = None, precision: Precision = "float32", batch_size: int = 32
) -> Autoencoder:
    """The codec of a directory as on the hub (config.json, diffusion_pytorch_model.safetensors).

    Raises:
        OdeltError: a file is missing, damaged, or lacks weights that the configuration asks for.
    """
    directory = pathlib.Path(directory)
    for name in (CONFIG, TENSORS):
        if not (directory / name).is_file():
            raise OdeltError(f"{directory / name} is missing: the VAE is two files, {CONFIG} and {TENSORS}; fetch it")
    trace.used(directory)
    try:
        loaded: Any = AutoencoderKL.from_pretrained(
            directory,
            local_files_only=True,
            use_safetensors=True,
            low_cpu_mem_usage=False,  # the other way needs accelerate
            torch_dtype=torch.float32,
            output_loading_info=True,
        )
        network, report = loaded
    # Whatever a damaged file makes diffusers raise, the remedy is the same.
    except (OSError, RuntimeError, ValueError, TypeError, LookupError, safetensors.SafetensorError) as error:
        raise OdeltError(f"{directory} holds no VAE that can be read ({one_line(error)}); fetch it again") from error
    # diffusers only warns of these, and fills them with random numbers.
    if report["missing_keys"]:
        lacking = min(report["missing_keys"])
        raise OdeltError(f"{directory / TENSORS} lacks {lacking}, which {CONFIG} asks for; fetch both files again")
    chosen = vision.device_of(device)
    network = network.requires_grad_(False).to(chosen, memory_format=torch.channels_last)
    used = vision.precision_on(chosen, precision)
    if compiles := is_compiled(chosen, used):
        network.decoder.compile(dynamic=False)
    trace.computed("codec", f"{used}, compiled" if compiles else used)
    return Autoencoder(network, chosen, used, batch_size)


def is_compiled(device: torch.device, precision: Precision) -> bool:
    """Whether PyTorch compiles the decoder: on a GPU, and if there are the C compiler and Python's headers for that.

    Passes between convolutions are then fused, which halves the time (benchmarks/results/scoring-compiled-h200.json).
    float32 is left as a CPU computes it.
    """
    can = shutil.which("cc") is not None and pathlib.Path(sysconfig.get_path("include"), "Python.h").is_file()
    return device.type == "cuda" and precision != "float32" and can

"""The codec of SPEC 7: diffusers' AutoencoderKL between images and latents, in batches, from local files only."""

import dataclasses
import pathlib
from typing import Any, Literal

import numpy as np
import safetensors
import torch
from diffusers import AutoencoderKL  # pyright: ignore[reportPrivateImportUsage] - it is documented there

from odelt import trace, vision
from odelt.errors import OdeltError
from odelt.quoting import one_line

SCALING = 0.18215  # SPEC 7: what makes the latents' variance about one
CONFIG, TENSORS = "config.json", "diffusion_pytorch_model.safetensors"
Precision = Literal["float32", "bfloat16"]


@dataclasses.dataclass(frozen=True)
class Autoencoder:
    """A VAE on its device. Weights are float32; `dtype` bfloat16 computes in mixed precision (PyTorch's autocast).

    `batch_size` images at most are on the device at a time, however many are given.
    """

    network: AutoencoderKL
    device: torch.device
    dtype: Precision = "float32"
    batch_size: int = 32

    def moments(self, images: np.ndarray) -> np.ndarray:
        """float32 [N, H/8, W/8, 8]: mean, then log-variance, of the encoder's Gaussian for images [N, H, W, 3].

        The images are float32 in [-1, 1]. The moments are not scaled; the log-variance is clamped to [-30, 20], as
        diffusers clamps it.
        """
        return self._run(self._encode, images)

    def decode(self, latents: np.ndarray, scaling: float = SCALING) -> np.ndarray:
        """float32 images [N, 8h, 8w, 3], about in [-1, 1] and not clipped, of latents [N, h, w, 4].

        The latents are those of the flow: the encoder's times `scaling`, which is divided out first.
        """
        network: Any = self.network  # its annotations have one type of tensor, and a tuple that nobody asks for
        return self._run(lambda z: network.decode(z / scaling).sample, latents)

    def _encode(self, x: torch.Tensor) -> torch.Tensor:
        network: Any = self.network
        gaussian = network.encode(x).latent_dist
        return torch.cat([gaussian.mean, gaussian.logvar], dim=1)

    def _run(self, part, arrays: np.ndarray) -> np.ndarray:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == "bfloat16"):
            return vision.run(part, arrays, self.device, self.batch_size)


def load(
    directory: pathlib.Path, device: str | None = None, dtype: Precision = "float32", batch_size: int = 32
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
    return Autoencoder(network, chosen, dtype, batch_size)


def precision_error(exact: Autoencoder, mixed: Autoencoder, images: np.ndarray) -> dict[str, float]:
    """How far `mixed` is from `exact` on images [N, H, W, 3]: greatest and root mean square difference.

    Of the moments (their own units), and of the images (range [-1, 1]) that both decode from the exact means.
    """
    moments = exact.moments(images)
    latents = SCALING * np.split(moments, 2, axis=-1)[0]
    return {
        **_differences("moments", mixed.moments(images) - moments),
        **_differences("images", mixed.decode(latents) - exact.decode(latents)),
    }


def _differences(name: str, difference: np.ndarray) -> dict[str, float]:
    difference = difference.astype(np.float64)
    return {f"{name}_max": float(np.abs(difference).max()), f"{name}_rms": float(np.sqrt((difference**2).mean()))}

"""Stand-ins of the networks that see pictures: the VAE and both Inception files, with random weights.

They have the formats and shapes of the real files, take moments on a CPU, and are the same bytes for the same seed.
"""

import io
import pathlib
import warnings
from collections.abc import Callable
from unittest import mock

import cleanfid.inception_pytorch
import torch
from diffusers import AutoencoderKL

from odelt import files

BANK = 1 << 21  # random numbers that all layers of the Inception stand-in share; the largest layer has 2,064,384


def write_vae(directory: pathlib.Path, seed: int) -> None:
    """An AutoencoderKL of the real one's layout (factor 8, four latent channels), a few channels wide."""
    width = (8, 8, 8, 8)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * len(width),
            up_block_types=("UpDecoderBlock2D",) * len(width),
            block_out_channels=width,
            norm_num_groups=4,
            sample_size=256,
        )
    with files.writing_directory(directory) as draft:
        network.save_pretrained(draft)


def write_inception(path: pathlib.Path, seed: int) -> None:
    """The FID network's state dict. Every kernel is a window on one bank of N(0, 1), so that the file is small.

    The running variances of the normalisations keep activations near one, layer after layer.
    """
    generator = torch.Generator().manual_seed(seed)
    bank = torch.randn(BANK, generator=generator)
    state, fan_in = {}, 1
    for name, shape in _fid_shapes().items():
        if len(shape) > 1:  # a kernel, and later its normalisation
            start = int(torch.randint(BANK - shape.numel() + 1, (), generator=generator))
            state[name], fan_in = bank[start : start + shape.numel()].view(shape), shape[1:].numel()
        elif name.endswith("running_var"):
            state[name] = torch.full(shape, fan_in / 2)  # half of what leaves a layer is cut to zero
        elif name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(0)
        else:
            state[name] = torch.ones(shape) if name.endswith("weight") else torch.zeros(shape)
    state["fc.weight"] = state["fc.weight"] / 16  # logits of a few units
    _save(torch.save, state, path)


class StandIn(torch.nn.Module):
    """`layers` turn pixels [N, 3, 299, 299], scaled to [-1, 1], into features [N, 2048], as clean-fid calls them."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            *(torch.nn.Conv2d(3, 128, 23, stride=23), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(4)),
            torch.nn.Flatten(),
        )

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.layers(pixels)


def write_torchscript(path: pathlib.Path, seed: int) -> None:
    """A TorchScript file that clean-fid takes for `inception-2015-12-05.pt`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = StandIn().eval()
    with warnings.catch_warnings(action="ignore"):  # TorchScript will go; it is the format of the real file
        _save(torch.jit.save, torch.jit.script(network), path)


def _fid_shapes() -> dict[str, torch.Size]:
    """Names and shapes of the FID network's state, from clean-fid's own builder, without weights."""
    with (
        torch.device("meta"),
        mock.patch.object(cleanfid.inception_pytorch, "load_state_dict_from_url", lambda *_, **__: None),
        mock.patch.object(torch.nn.Module, "load_state_dict", lambda *_: None),
        warnings.catch_warnings(action="ignore"),
    ):
        network = cleanfid.inception_pytorch.fid_inception_v3()
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


def _save(save: Callable, what, path: pathlib.Path) -> None:
    """Through a buffer: PyTorch would write a file's own name, here that of a draft, into the file."""
    buffer = io.BytesIO()
    save(what, buffer)
    with files.writing(path) as draft:
        draft.write_bytes(buffer.getvalue())

"""Inception features by clean-fid's own networks and resizers (SPEC 6), from arrays and from verified local files.

Two protocols. `legacy` (clean-fid's `legacy_pytorch`, that of the references): unquantised images, bilinear resize
without antialiasing, the FID weights. `clean`: 8-bit images, Pillow's bicubic resize, the TorchScript network.
"""

import contextlib
import dataclasses
import pathlib
import pickle
import warnings
from collections.abc import Callable, Iterator
from unittest import mock

import cleanfid.features
import cleanfid.inception_pytorch
import numpy as np
import torch
import torch.nn.functional as F
from cleanfid.inception_torchscript import InceptionV3W
from cleanfid.resize import build_resizer

from odelt import trace, vision
from odelt.config import Precision
from odelt.errors import OdeltError

FEATURES, CLASSES, SIDE = 2048, 1008, 299
TORCHSCRIPT = "inception-2015-12-05.pt"  # the name under which clean-fid looks for its file


Network = Callable[[torch.Tensor], torch.Tensor]


@dataclasses.dataclass(frozen=True)
class InceptionNetworks:
    """Both networks on one device; `precision` is that of the computation, and one that the device has.

    At most `batch_size` images are computed at a time, however many are given.
    """

    networks: tuple[Network, Network]  # of `legacy` and of `clean`, from pixels [N, 3, 299, 299] in [0, 255]
    readout: np.ndarray  # [1008, 2048]: the last layer's weights
    device: torch.device
    precision: Precision = "float32"
    batch_size: int = 64

    def at(self, precision: Precision) -> "InceptionNetworks":
        """The same networks in another precision, where the device has that."""
        return dataclasses.replace(self, precision=vision.precision_on(self.device, precision))

    def legacy(self, images: torch.Tensor) -> torch.Tensor:
        """float32 [N, 2048]: pool features of images float32 [N, 3, H, W] on the device, about in [-1, 1].

        The images are neither quantised nor clipped before the resize; the resized ones are clipped.
        """
        return self._run(lambda x: self.networks[0](resize_legacy(127.5 * (x + 1))), images)

    def clean(self, resized: torch.Tensor) -> torch.Tensor:
        """float32 [N, 2048]: features of the same images in 8 bits (`to_pixels`), resized by `resize_clean`."""
        # TorchScript compiles kernels of its own for a network that has run twice, and they round in another way.
        with torch.jit.optimized_execution(False):  # pyright: ignore[reportPrivateImportUsage]
            return self._run(self.networks[1], resized)

    def logits(self, features: np.ndarray) -> np.ndarray:
        """float32 [N, 1008]: the FID network's class logits of `legacy` features [N, 2048], for the Inception Score.

        Without the layer's bias, as the score's authors and torch-fidelity (`logits_unbiased`) compute it.
        """
        return features @ self.readout.T

    def _run(self, network: Network, x: torch.Tensor) -> torch.Tensor:
        with vision.computing(self.device, self.precision):
            return vision.in_parts(network, x, self.batch_size).float()


def load(
    legacy_weights: pathlib.Path,
    torchscript: pathlib.Path,
    device: str | None = None,
    precision: Precision = "float32",
    batch_size: int = 64,
) -> InceptionNetworks:
    """Both networks of their files, by default on the GPU where there is one.

    Raises:
        OdeltError: a file is missing, damaged or something else.
    """
    chosen = vision.device_of(device)
    legacy, readout = _load_legacy(pathlib.Path(legacy_weights), chosen)
    clean = _load_clean(pathlib.Path(torchscript), chosen)
    trace.computed("features", used := vision.precision_on(chosen, precision))
    return InceptionNetworks((legacy, clean), readout, chosen, used, batch_size)


def to_pixels(images: torch.Tensor) -> torch.Tensor:
    """uint8 of images in [-1, 1]: (x + 1)·127.5, clipped, rounded to the nearest (a tie to the even number).

    Rounding to the nearest is what torchvision's and diffusers' writers of images do.
    """
    return ((images + 1) * 127.5).clamp(0, 255).round().to(torch.uint8)


# float32 [299, 299, 3] in [0, 255] of 8-bit pixels [H, W, 3], by Pillow, which works outside Python's lock.
resize_clean: Callable[[np.ndarray], np.ndarray] = build_resizer("clean")


def resize_legacy(pixels: torch.Tensor) -> torch.Tensor:
    """float32 [N, 3, 299, 299] in [0, 255] of [N, 3, H, W]: clean-fid's `legacy_pytorch` resizer for a whole batch."""
    return F.interpolate(pixels, size=(SIDE, SIDE), mode="bilinear", align_corners=False).clip(0, 255)


def _load_legacy(path: pathlib.Path, device: torch.device):
    """Returns clean-fid's extractor (pixels [N, 3, 299, 299] to features [N, 2048]) and the last layer's weights."""
    trace.used(path)
    with _reading(path, "the FID weights of Inception"):
        state = torch.load(path, map_location="cpu", weights_only=True)
        # clean-fid has no argument for a local file: it fetches the weights by this name when it builds the network.
        with mock.patch.object(cleanfid.inception_pytorch, "load_state_dict_from_url", lambda *_, **__: state):
            extractor = cleanfid.features.feature_extractor("pytorch_inception", device, use_dataparallel=False)
        return extractor, state["fc.weight"].float().numpy().copy()


def _load_clean(path: pathlib.Path, device: torch.device) -> InceptionV3W:
    if path.name != TORCHSCRIPT:
        raise OdeltError(f"{path}: clean-fid finds its TorchScript network only under its own name, {TORCHSCRIPT}")
    trace.used(path)
    with _reading(path, "clean-fid's TorchScript Inception"):
        return InceptionV3W(str(path.parent), download=False).to(device).eval()


@contextlib.contextmanager
def _reading(path: pathlib.Path, what: str) -> Iterator[None]:
    """Replaces the many errors that PyTorch raises for a damaged file by an OdeltError of one line.

    It also hides warnings: clean-fid uses torchvision and TorchScript in deprecated ways.
    """
    if not path.is_file():
        raise OdeltError(f"{path} is missing: {what}; fetch it")
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except (
        *(OSError, EOFError, RuntimeError, ValueError, TypeError, LookupError, AttributeError),
        pickle.UnpicklingError,
    ) as error:
        raise OdeltError(f"{path} is damaged, or is not {what}; delete it and fetch it again") from error

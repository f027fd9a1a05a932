"""Inception features by clean-fid's own networks and resizers (SPEC 6), from arrays and from verified local files.

Two protocols. `legacy` (clean-fid's `legacy_pytorch`, that of the references): unquantised images, bilinear resize
without antialiasing, the FID weights. `clean`: 8-bit images, Pillow's bicubic resize, the TorchScript network.
"""

import concurrent.futures
import contextlib
import os
import pathlib
import pickle
import warnings
from collections.abc import Iterator
from unittest import mock

import cleanfid.features
import cleanfid.inception_pytorch
import numpy as np
import torch
import torch.nn.functional as F
from cleanfid.inception_torchscript import InceptionV3W
from cleanfid.resize import build_resizer

from odelt import trace, vision
from odelt.errors import OdeltError

FEATURES, CLASSES, SIDE = 2048, 1008, 299
TORCHSCRIPT = "inception-2015-12-05.pt"  # the name under which clean-fid looks for its file


class InceptionNetworks:
    """Both networks on one device (by default the GPU where there is one); `batch_size` images at a time are on it.

    Raises:
        OdeltError: a weights file is missing, damaged or something else.
    """

    def __init__(
        self,
        legacy_weights: pathlib.Path,
        torchscript: pathlib.Path,
        device: str | None = None,
        batch_size: int = 64,
    ):
        self.device, self.batch_size = vision.device_of(device), batch_size
        self._legacy, self._readout = _load_legacy(pathlib.Path(legacy_weights), self.device)
        self._clean = _load_clean(pathlib.Path(torchscript), self.device)

    def legacy(self, images: np.ndarray) -> np.ndarray:
        """float32 [N, 2048]: pool features of images float32 [N, H, W, 3], about in [-1, 1].

        The images are neither quantised nor clipped before the resize; the resized ones are clipped.
        """
        return vision.run(lambda x: self._legacy(resize_legacy(127.5 * (x + 1))), images, self.device, self.batch_size)

    def clean(self, images: np.ndarray) -> np.ndarray:
        """float32 [N, 2048]: features of the same images rounded to 8 bits (`to_pixels`)."""
        resize = build_resizer("clean")  # of one image; Pillow works outside Python's lock
        features = []
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
            for start in range(0, len(images), self.batch_size):
                pixels = to_pixels(images[start : start + self.batch_size])
                resized = np.stack(list(threads.map(resize, pixels)))
                features.append(vision.run(self._clean, resized, self.device, self.batch_size))
        return np.concatenate(features)

    def logits(self, features: np.ndarray) -> np.ndarray:
        """float32 [N, 1008]: the FID network's class logits of `legacy` features [N, 2048], for the Inception Score.

        Without the layer's bias, as the score's authors and torch-fidelity (`logits_unbiased`) compute it.
        """
        return features @ self._readout.T


def to_pixels(images: np.ndarray) -> np.ndarray:
    """uint8 of images in [-1, 1]: (x + 1)·127.5, clipped, rounded to the nearest (a tie to the even number).

    Rounding to the nearest is what torchvision's and diffusers' writers of images do.
    """
    return np.rint(((images + 1) * 127.5).clip(0, 255)).astype(np.uint8)


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

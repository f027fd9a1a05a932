"""What a precision does to latents, images and features: how far it is from float32."""

from typing import NamedTuple, get_args

import numpy as np

from odelt import vision
from odelt.config import Precision
from odelt.evaluation import frechet
from odelt.vision.inception import InceptionNetworks
from odelt.vision.vae import SCALING, Autoencoder


class Made(NamedTuple):
    """What a precision makes of latents."""

    images: np.ndarray  # float32 [N, 3, H, W], about in [-1, 1]
    features: np.ndarray  # float32 [N, 2048], of the legacy protocol


def errors(codec: Autoencoder, inception: InceptionNetworks, images: np.ndarray) -> dict[str, dict[str, float]]:
    """How far each other precision that the device has is from float32, on images float32 [N, H, W, 3] in [-1, 1].

    Of the encoder's moments, and of what `differences` compares, made of float32's means.
    """
    exact = codec.at("float32").moments(images)
    latents = SCALING * np.split(exact, 2, axis=-1)[0]
    of_exact = through(codec, inception, latents, "float32")
    found = {}
    for other in get_args(Precision)[1:]:
        if vision.precision_on(codec.device, other) == other:
            of_moments = _difference("moments", codec.at(other).moments(images), exact)
            found[other] = of_moments | differences(through(codec, inception, latents, other), of_exact)
    return found


def through(codec: Autoencoder, inception: InceptionNetworks, latents: np.ndarray, precision: Precision) -> Made:
    """Decodes latents [N, h, w, 4] and takes features, both in one precision."""
    images = codec.at(precision).decoded(vision.upload(latents, codec.device))
    features = inception.at(precision).legacy(images)
    return Made(vision.Readback(images).array, vision.Readback(features).array)


def differences(made: Made, exact: Made) -> dict[str, float]:
    """Greatest (`…_max`) and root mean square (`…_rms`) difference of images (a range of 2) and of features.

    `fid`: the Fréchet distance between both sets of features.
    """
    fid = frechet.distance(frechet.gaussian(made.features), frechet.gaussian(exact.features))
    of_images = _difference("images", made.images, exact.images)
    return {"fid": fid, **of_images, **_difference("features", made.features, exact.features)}


def _difference(name: str, made: np.ndarray, exact: np.ndarray) -> dict[str, float]:
    difference = made.astype(np.float64) - exact
    return {f"{name}_max": float(np.abs(difference).max()), f"{name}_rms": float(np.sqrt((difference**2).mean()))}

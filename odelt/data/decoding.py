"""From the bytes of an image file to pixels of 8 bits, by Pillow."""

import io

import numpy as np
import PIL.Image
import PIL.ImageOps

from odelt.errors import OdeltError
from odelt.quoting import one_line

LONGEST_REASON = 120  # characters of Pillow's own message


def decode(data: bytes, name: str, channels: int, *, as_seen: bool = False) -> np.ndarray:
    """uint8 [H, W, C] of an image file's bytes: grey where C = 1, else RGB, whatever the file holds.

    Args:
        data: the file's content.
        name: what a message calls the file.
        channels: 1 or 3.
        as_seen: take the picture as a viewer shows it: turned as its EXIF orientation says, transparent parts white.
            Otherwise pixels are taken as they are stored and alpha is dropped, as of datasets that others published
            (SPEC 7).

    Raises:
        OdeltError: it cannot be decoded, has more than 16 bits per value, or (`as_seen`) is an animation.
    """
    try:
        with PIL.Image.open(io.BytesIO(data)) as image:
            shown = _as_seen(image, name) if as_seen else image
            pixels = np.asarray(_eight_bits(shown, name).convert("L" if channels == 1 else "RGB"))
    except OdeltError:
        raise
    except Exception as error:  # each of Pillow's readers has errors of its own
        unknown = isinstance(error, PIL.UnidentifiedImageError)
        reason = "of no known kind" if unknown else one_line(error, LONGEST_REASON)
        raise OdeltError(f"{name} is not a readable image ({reason}): replace or remove it") from None
    return pixels.reshape(*pixels.shape[:2], channels)


def _as_seen(image: PIL.Image.Image, name: str) -> PIL.Image.Image:
    # The further pictures of a phone's MPO file are previews and depths of its first.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        pictures = getattr(image, "n_frames", "several")
        raise OdeltError(f"{name} is an animation of {pictures} pictures: save one of them, or remove it")
    upright = PIL.ImageOps.exif_transpose(image)
    if not upright.has_transparency_data:
        return upright
    if upright.mode.startswith("I;16"):  # one value stands for transparent
        grey = np.asarray(upright)
        return PIL.Image.fromarray(np.where(grey == upright.info["transparency"], 65535, grey).astype(np.uint16))
    white = PIL.Image.new("RGBA", upright.size, "white")
    return PIL.Image.alpha_composite(white, upright.convert("RGBA"))


def _eight_bits(image: PIL.Image.Image, name: str) -> PIL.Image.Image:
    """The image, its 16-bit greys scaled: Pillow itself clips them at 255. It scales 16-bit colours when it reads."""
    if image.mode.startswith("I;16"):
        grey = np.asarray(image).astype(np.float32)
        return PIL.Image.fromarray(np.rint(grey / 257).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise OdeltError(f"{name} has pixels of 32 bits, of an unknown range: save it with 8 or 16 bits, or remove it")
    return image

"""From image files of every kind to 8 bits: nothing is clipped, hidden colours stay hidden, photographs are upright."""

import io

import numpy as np
import PIL.Image
import pytest

from odelt import OdeltError, config
from odelt.data.decoding import decode

ORIENTATION = 0x0112  # EXIF


def stored(image: PIL.Image.Image, kind: str = "PNG", **more) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **more)
    return file.getvalue()


def seen(image: PIL.Image.Image, channels: int = 3, kind: str = "PNG", **more) -> np.ndarray:
    return decode(stored(image, kind, **more), "a.png", channels, as_seen=True)


def test_a_sixteen_bit_png_keeps_its_greys():
    greys = np.array([[0, 128, 257, 25700, 65535]], np.uint16)
    data = stored(PIL.Image.fromarray(greys))
    for as_seen in (True, False):
        assert decode(data, "a.png", 1, as_seen=as_seen)[0, :, 0].tolist() == [0, 0, 1, 100, 255]
        assert decode(data, "a.png", 3, as_seen=as_seen)[0, 3].tolist() == [100, 100, 100]


@pytest.mark.parametrize("mode", ["I;16", "I;16B"])
def test_sixteen_bit_greys_of_either_byte_order_are_scaled(mode):
    image = PIL.Image.new(mode, (2, 2), 25700)
    assert np.unique(decode(stored(image, "TIFF"), "a.png", 1)).tolist() == [100]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pixels_of_thirty_two_bits_are_refused_by_name(mode):
    with pytest.raises(OdeltError, match="a.png has pixels of 32 bits, of an unknown range: save it with 8 or 16 bits"):
        decode(stored(PIL.Image.new(mode, (2, 2)), "TIFF"), "a.png", 1)


def test_a_photograph_stands_upright_whatever_its_orientation():
    upright = PIL.Image.new("RGB", (16, 32), "black")
    upright.paste("white", (0, 0, 16, 16))  # the upper half
    exif = PIL.Image.Exif()
    exif[ORIENTATION] = 6  # turned a quarter to the left: to be turned right
    turned = upright.transpose(PIL.Image.Transpose.ROTATE_90)
    pixels = seen(turned, kind="JPEG", exif=exif, quality=95)
    assert pixels.shape == (32, 16, 3) and pixels[2, 8].min() > 250 and pixels[-3, 8].max() < 5


def test_pixels_of_published_datasets_are_taken_as_they_are_stored():
    """SPEC 7: the orientation of ImageNet's files is not applied, and alpha is dropped."""
    exif = PIL.Image.Exif()
    exif[ORIENTATION] = 6
    assert decode(stored(PIL.Image.new("RGB", (16, 32)), "JPEG", exif=exif), "a.jpg", 3).shape == (32, 16, 3)
    hidden = PIL.Image.new("RGBA", (1, 1), (200, 100, 50, 0))
    assert decode(stored(hidden), "a.png", 3).ravel().tolist() == [200, 100, 50]


def palette() -> PIL.Image.Image:
    image = PIL.Image.new("P", (2, 1))
    image.putpalette([9, 9, 9, 200, 100, 50])
    image.putdata([0, 1])
    return image


@pytest.mark.parametrize("channels", [1, 3])
def test_transparent_parts_are_white_and_not_the_colour_that_lies_under_them(channels):
    for mode, colour in {"RGBA": (200, 100, 50, 0), "LA": (90, 0)}.items():
        assert (seen(PIL.Image.new(mode, (2, 2), colour), channels) == 255).all(), mode
    assert (seen(palette(), channels, transparency=1)[0, 1] == 255).all()
    assert (seen(palette(), channels, transparency=1)[0, 0] == 9).all()
    for mode, colour in {"L": 90, "RGB": (200, 100, 50), "I;16": 25700}.items():  # one colour stands for transparent
        assert (seen(PIL.Image.new(mode, (2, 2), colour), channels, transparency=colour) == 255).all(), mode


def test_half_transparent_parts_are_half_white():
    assert seen(PIL.Image.new("RGBA", (1, 1), (0, 0, 0, 128))).ravel().tolist() == [127, 127, 127]


def test_sixteen_bit_grey_beside_a_transparent_one_keeps_its_value():
    image = PIL.Image.fromarray(np.array([[25700, 0]], np.uint16))
    assert seen(image, 1, transparency=0)[0, :, 0].tolist() == [100, 255]


def test_inks_become_colours():
    assert seen(PIL.Image.new("CMYK", (8, 8), (0, 0, 0, 0)), kind="JPEG").min() == 255


def test_an_animation_is_refused_by_name():
    frames = [PIL.Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    for kind in ("PNG", "WEBP"):
        with pytest.raises(OdeltError, match="a.png is an animation of 3 pictures: save one of them"):
            seen(frames[0], kind=kind, save_all=True, append_images=frames[1:])


def test_of_a_phone_s_file_of_several_pictures_the_first_is_taken():
    pictures = [PIL.Image.new("RGB", (8, 8), colour) for colour in ("white", "black")]
    assert seen(pictures[0], kind="MPO", save_all=True, append_images=pictures[1:]).min() > 250


def test_a_user_s_folder_is_taken_as_it_is_seen(tmp_path):
    (tmp_path / "cat").mkdir()
    PIL.Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "cat" / "a.png")
    settings = config.Dataset(name="pets", kind="folder", path=str(tmp_path), image=(8, 8), classes=1)
    assert settings.kind.load(settings, None).images.min() == 1

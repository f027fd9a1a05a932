"""Datasets, and their latents."""

import pathlib
import sys
from typing import TypeVar

from odelt.commands import options
from odelt.config import Codec, Dataset, parse_json
from odelt.errors import OdeltError
from odelt.kinds import check_classes

F = TypeVar("F")


def prepare_data(a):
    """Prepares a small dataset in memory."""
    from odelt.data import dataset

    settings = parse_json(Dataset, a.settings, "--settings")
    load = able(settings, settings.kind.load, "prepared in memory; use prepare-images")
    data = load(settings, downloaded(settings, a.source))
    tell_left_out(settings, settings.path)
    check_classes(data.classes, settings)
    dataset.save(a.out, data)


def prepare_images(a):
    """Prepares a large dataset with tensorflow-datasets."""
    settings = parse_json(Dataset, a.settings, "--settings")
    write = able(settings, settings.kind.write, "written to a folder; use prepare-data, or the folder that there is")
    write(settings, downloaded(settings, a.source), a.out)


def encode(a):
    """Stores the moments of every image and, if training flips images, of its mirror image."""
    claim_for_torch()
    from odelt.data import images, latents
    from odelt.vision import streams, vae

    settings, codec_settings = parse_json(Dataset, a.settings, "--settings"), parse_json(Codec, a.codec, "--codec")
    codec = vae.load(a.vae, precision=codec_settings.dtype, batch_size=codec_settings.batch_size)
    prepared = open_images(settings, a.images)
    check_classes(prepared.classes, settings)
    tell_left_out(settings, a.images)
    with options.progress(len(prepared), "image") as progress:
        batches = streams.counted(images.batches(prepared, codec_settings.batch_size), progress)
        latents.write_store(a.out, streams.encoded(batches, codec, mirrored=settings.flip))


def codec_error(a):
    """Measures the error of each precision on the first images."""
    claim_for_torch()
    from odelt.data import images
    from odelt.vision import inception, precisions, vae

    prepared = open_images(parse_json(Dataset, a.settings, "--settings"), a.images)
    some, _ = next(images.batches(prepared, min(a.count, len(prepared))))
    codec = vae.load(a.vae, batch_size=a.count)
    networks = inception.load(a.weights, a.torchscript, batch_size=a.count)
    options.write_json(a.out, {"images": len(some), "errors": precisions.errors(codec, networks, some)})


def able(settings: Dataset, function: F | None, what: str) -> F:
    """Returns a function of the dataset's kind. Raises OdeltError if the kind lacks it."""
    if function is None:
        raise OdeltError(f"--settings: a dataset of kind '{settings.kind}' cannot be {what}")
    return function


def downloaded(settings: Dataset, source: pathlib.Path | None) -> pathlib.Path | None:
    """Returns what was downloaded, for a dataset that is made from it. Raises OdeltError if it is not given."""
    if settings.source is not None and source is None:
        raise OdeltError(f"--source: a dataset of kind '{settings.kind}' is made from a download; name its folder")
    return source


def tell_left_out(settings: Dataset, path: str | pathlib.Path | None) -> None:
    """Prints a line on stderr about the user's files at `path` that are not read."""
    if path and (line := settings.kind.left_out(pathlib.Path(path))):
        print(f"odelt: {line}", file=sys.stderr)


def claim_for_torch() -> None:
    """Claims a GPU for this process, if there are any, and checks that PyTorch sees it."""
    from odelt.machine import devices

    claimed = devices.claim()
    import torch  # pyright: ignore[reportMissingImports] - not in the JAX world, where this module is checked too

    devices.require_seen(claimed, torch.cuda.is_available(), "PyTorch")


def register(verb):
    dataset = options.SETTINGS | {"help": "a dataset: JSON, or a file"}
    images = options.path(metavar="DIR", help="the prepared images, or the folder of images")
    vae = options.path(metavar="DIR", help="the autoencoder, as the hub has it")
    source = options.path(default=None, metavar="PATH", help="what was downloaded")
    verb("prepare-data", prepare_data, settings=dataset, source=source, out=options.OUT)
    verb("prepare-images", prepare_images, settings=dataset, source=source, out=options.OUT_DIR)
    verb(
        "encode",
        encode,
        settings=dataset,
        images=images,
        vae=vae,
        codec=options.SETTINGS,
        out=options.OUT_DIR,
    )
    verb(
        "codec-error",
        codec_error,
        settings=dataset,
        images=images,
        vae=vae,
        **options.INCEPTION,
        count=options.POSITIVE,
        out=options.OUT,
    )


def open_images(settings: Dataset, path):
    """Opens a large dataset's images by index, float32 [H, W, 3] in [-1, 1]."""
    return able(settings, settings.kind.open, "read image by image")(settings, path)

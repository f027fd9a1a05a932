"""Datasets, and their latents."""

import pathlib
import sys

from odelt.commands import options
from odelt.config import Codec, Dataset, parse_json


def prepare_data(a):
    """Prepares a small dataset in memory."""
    from odelt.data import dataset, digits, images

    settings = parse_json(Dataset, a.settings, "--settings")
    if settings.kind == "digits":
        data = digits.load()
    else:
        assert settings.path is not None  # no folder of images is without one
        data = images.load_folder(pathlib.Path(settings.path), settings.image, settings.channels, settings.fraction)
        tell_left_out(settings, settings.path)
        images.check_classes(data, settings)
    dataset.save(a.out, data)


def prepare_images(a):
    """Prepares a large dataset with tensorflow-datasets."""
    from odelt.data import builders

    settings = parse_json(Dataset, a.settings, "--settings")
    if settings.kind == "celebahq":
        files = sorted(a.source.rglob("*.parquet"))
        builders.write_celebahq(files, a.out, settings.image, settings.fraction)
    else:
        assert settings.path is not None  # ImageNet is the user's own archive
        builders.write_imagenet(pathlib.Path(settings.path), a.out, settings.fraction)


def encode(a):
    """Stores the moments of every image and, if training flips images, of its mirror image."""
    claim_for_torch()
    from odelt.data import images, latents
    from odelt.vision import streams, vae

    settings, codec_settings = parse_json(Dataset, a.settings, "--settings"), parse_json(Codec, a.codec, "--codec")
    codec = vae.load(a.vae, precision=codec_settings.dtype, batch_size=codec_settings.batch_size)
    prepared = open_images(settings, a.images)
    images.check_count_of_classes(prepared.classes, settings)
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


def tell_left_out(settings: Dataset, path) -> None:
    """Prints a line on stderr about the files of a user's folder that are not read."""
    from odelt.data import folders

    if settings.kind == "folder" and (line := folders.left_out(path)):
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
    verb("prepare-data", prepare_data, settings=dataset, out=options.OUT)
    verb(
        "prepare-images",
        prepare_images,
        settings=dataset,
        source=options.path(default=None, metavar="DIR", help="what was downloaded"),
        out=options.OUT_DIR,
    )
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
    from odelt.data import images

    kind = "folder" if settings.kind == "folder" else "tfds"
    crop = settings.kind != "celebahq"  # its images have their size already
    return images.open_images(kind, path, settings.image, crop, settings.channels, settings.fraction)

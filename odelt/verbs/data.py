"""Datasets, and their latents."""

from odelt.layout.targets import Target
from odelt.verbs.verb import Values, Verb


def of_dataset(target: Target) -> Values:
    return {"settings": target.dataset}


def of_encoding(target: Target) -> Values:
    return {"settings": target.dataset, "codec": target.user_of_dataset.codec}


def of_codec_error(target: Target) -> Values:
    return {"settings": target.dataset, "count": target.codec.batch_size}


VERBS = (
    Verb("prepare-data", title="Dataset", help="write a small dataset", parameters=of_dataset, from_nothing=True),
    Verb(
        "prepare-images",
        title="Images",
        help="write a large dataset",
        environment="data",
        memory=8000,
        minutes=1440,
        parameters=of_dataset,
    ),
    Verb(
        "encode",
        title="Latents",
        help="moments of a dataset's latents",
        environment="vision",
        gpu=True,
        memory=16000,
        minutes=1440,
        parameters=of_encoding,
    ),
    Verb(
        "codec-error",
        title="Codec's error",
        help="what each precision does to latents, images and features",
        environment="vision",
        gpu=True,
        memory=16000,
        parameters=of_codec_error,
    ),
)

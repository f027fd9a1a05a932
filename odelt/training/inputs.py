"""What a training run reads: its images or latents, and the digests that tell the run from another."""

import dataclasses
import functools
import json
import pathlib

from odelt.config import Codec
from odelt.data import dataset, latents
from odelt.data.dataset import LabelledImages
from odelt.provenance import environment
from odelt.training import identity
from odelt.training.step import Prepare


@dataclasses.dataclass(frozen=True)
class Inputs:
    """The data, how the training step prepares a batch of it, and the run's identity as `loop.train` takes it."""

    data: LabelledImages | latents.Moments
    prepare: Prepare | None
    identity: dict[str, str]


def read_inputs(path: pathlib.Path, codec: Codec | None, start: pathlib.Path | None) -> Inputs:
    """Opens the dataset at `path`, or with a codec the store of moments, and hashes it and the start weights.

    The run's settings are not part of this identity; `loop.train` adds them.

    Raises:
        OdeltError: a file is missing or damaged.
    """
    data: LabelledImages | latents.Moments
    prepare: Prepare | None = None
    if codec:
        from odelt.data import gaussian  # here, since the record of a run without latents does not name it

        data = latents.Moments(path)
        prepare = functools.partial(gaussian.sample_latents, scale=codec.scale)
    else:
        data = dataset.load(path)
    parts = identity.of_data(path, codec) | identity.of_codec(codec)
    parts["environment"] = json.dumps(environment.settings(("jax", "numpy")))
    return Inputs(data, prepare, parts | (identity.of_start(start) if start else {}))

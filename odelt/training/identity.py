"""What tells one training run from another: everything that decides its outcome, as plain data.

The trainer names the folder of a run's saved states by it, and `odelt clean` compares such a folder with today's suite.
"""

import hashlib
import json
import pathlib

from odelt import files
from odelt.config import Codec, Network, Training
from odelt.data import latents
from odelt.layout.model_directory import WEIGHTS

STEPS = "steps"  # in a run's folder: the folder of its saved states
LOCK = "lock"  # in a run's folder: held by the process that trains the run
PARTS = "run.json"  # in a run's folder: the fingerprint of each part of what decides its outcome
NOT_OUTCOME = {"log_every", "checkpoint_every", "sharding"}  # settings of a training that do not decide its outcome


def fingerprint(**parts: object) -> str:
    """A short digest of all that decides a run's outcome."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def of_settings(network: Network, training: Training, inner_ode: bool, seed: int | None) -> dict[str, object]:
    """The settings that decide a run's outcome, by name."""
    decided = {"network": network.model_dump(), "training": training.model_dump(exclude=NOT_OUTCOME)}
    return {**decided, "inner_ode": inner_ode, "seed": seed}


def of_codec(codec: Codec | None) -> dict[str, str]:
    """What a run on latents makes of their moments."""
    return {"scale": str(codec.scale)} if codec else {}


def of_data(path: pathlib.Path, codec: Codec | None) -> dict[str, str]:
    """The digest of the dataset, or with a codec that of the store of moments."""
    return {"dataset": files.digest(path / latents.INDEX if codec else path)}


def of_start(model: pathlib.Path) -> dict[str, str]:
    """The digest of the weights that a run starts from."""
    return {"start": files.digest(model / WEIGHTS)}

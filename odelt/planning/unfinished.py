"""Saved states of unfinished training runs, and which of them are abandoned.

They are in `checkpoints/<experiment>/<run>/<fingerprint>`, with the digests of everything that decides the outcome.
"""

import fcntl
import pathlib

from odelt import files
from odelt.config import Experiment, Suite, Training, network_of
from odelt.errors import OdeltError
from odelt.layout import grid, paths
from odelt.plain_data import parse_json
from odelt.provenance import parameters, record

STEPS = "steps"  # the folder of a run's saved states


def folders(root: pathlib.Path) -> list[pathlib.Path]:
    """The folders of unfinished runs of the suite whose results are in `root`."""
    return sorted(path.parent for path in (root / paths.CHECKPOINTS).glob(f"*/*/*/{STEPS}"))


def is_abandoned(folder: pathlib.Path, root: pathlib.Path, suite: Suite) -> bool:
    """Whether no job of today's suite would continue this run.

    A run is not abandoned if that cannot be known, because its start is not made yet or its parts were not written.
    """
    if _is_locked(folder):
        return False
    experiment, run = folder.parts[-3:-1]
    settings = suite.experiments.get(experiment)
    known = grid.runs(settings).get(run) if settings else None
    training = known.settings.training if known else None
    if settings is None or known is None or training is None:
        return True
    from odelt.training.checkpoints import PARTS, fingerprint

    try:
        parts = parse_json((folder / PARTS).read_bytes(), folder / PARTS)
    except (OSError, OdeltError):
        return False
    if not isinstance(parts, dict):
        return False
    if ("start" in parts) != (grid.start_of(known) is not None):
        return True
    today = _settings(settings, known, training) | _inputs(root, experiment, settings, known, suite)
    return any(parts.get(name) != fingerprint(part=part) for name, part in today.items())


def _settings(settings: Experiment, run: grid.Run, training: Training) -> dict[str, object]:
    """Returns the settings of the suite that decide a run's outcome, by their names in the run's folder."""
    from odelt.training.checkpoints import NOT_OUTCOME

    decided = {"network": network_of(settings).model_dump(), "training": training.model_dump(exclude=NOT_OUTCOME)}
    scale = {"scale": str(settings.codec.scale)} if settings.codec else {}
    return {**decided, "inner_ode": run.inner_ode, "seed": run.seed, **scale}


def _inputs(root: pathlib.Path, experiment: str, settings: Experiment, run: grid.Run, suite: Suite) -> dict[str, str]:
    """Returns the digests of the dataset and of the start, if they exist and today's suite would make the same."""
    from odelt.data.latents import INDEX

    layout = paths.SuitePaths(root)
    data = layout.data(settings)
    digests = {}
    if _is_todays(data, root, suite):
        digests["dataset"] = files.digest(data / INDEX if settings.latent else data)
    if start := grid.start_of(run):
        weights = layout.experiment(experiment).weights(start)
        if _is_todays(weights, root, suite):
            digests["start"] = files.digest(weights)
    return digests


def _is_todays(output: pathlib.Path, root: pathlib.Path, suite: Suite, sha256: str | None = None) -> bool:
    """Whether the suite would make this file, and everything that it was made from, as their records say.

    `sha256` is the digest that the file had when something was made from it.
    """
    try:
        known = record.read(record.record_path(output))
    except (OSError, ValueError):
        return False
    if not output.exists() or sha256 not in (None, known.output.sha256) or parameters.differences(suite, known):
        return False
    return all(_is_todays(root / input.path, root, suite, input.sha256) for input in known.inputs if not input.external)


def _is_locked(folder: pathlib.Path) -> bool:
    """Whether a process is training this run."""
    try:
        with (folder / "lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no lock was ever here, or this filesystem has none
        return False
    return False

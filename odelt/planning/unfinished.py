"""Saved states of unfinished training runs, and which of them are abandoned.

They are in `checkpoints/<experiment>/<run>/<fingerprint>`, with the digests of everything that decides the outcome.
"""

import pathlib

from odelt.config import Experiment, Suite, network_of, subfolders
from odelt.errors import OdeltError
from odelt.layout import grid, paths
from odelt.machine.locks import hold
from odelt.plain_data import parse_json
from odelt.provenance import parameters, record
from odelt.training import identity


def folders(root: pathlib.Path) -> list[pathlib.Path]:
    """The folders of unfinished runs of the suite whose results are in `root`."""
    return sorted(path.parent for path in (root / subfolders.CHECKPOINTS).glob(f"*/*/*/{identity.STEPS}"))


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
    path = folder / identity.PARTS
    try:
        parts = parse_json(path.read_bytes(), path)
    except (OSError, OdeltError):
        return False
    if not isinstance(parts, dict):
        return False
    if ("start" in parts) != (grid.start_of(known) is not None):
        return True
    today = identity.of_settings(network_of(settings), training, known.inner_ode, known.seed)
    today |= identity.of_codec(settings.codec) | _inputs(root, experiment, settings, known, suite)
    return any(parts.get(name) != identity.fingerprint(part=part) for name, part in today.items())


def _inputs(root: pathlib.Path, experiment: str, settings: Experiment, run: grid.Run, suite: Suite) -> dict[str, str]:
    """Returns the digests of the dataset and of the start, if they exist and today's suite would make the same."""
    layout = paths.SuitePaths(root)
    data, start = layout.data(settings), grid.start_of(run)
    digests = identity.of_data(data, settings.codec) if _is_todays(data, root, suite) else {}
    if start and _is_todays(layout.experiment(experiment).weights(start), root, suite):
        digests |= identity.of_start(layout.experiment(experiment).model(start))
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
        with (folder / identity.LOCK).open("r+b") as file:
            return not hold(file)
    except OSError:  # no lock was ever here
        return False

"""Which outputs may be removed: the workflow can make them again, and no table or figure needs them.

`odelt clean` removes no other output (it also removes drafts, states of abandoned runs and compiled programs, which
are no outputs). The audit accepts that these outputs are missing, and no others.
"""

import pathlib
from collections.abc import Iterator

from odelt.config import Suite, subfolders
from odelt.layout import paths

OF_EXPERIMENT = (subfolders.SAMPLES, subfolders.STATISTICS, subfolders.FEATURES)
OF_DATASET = (paths.IMAGES, paths.LATENTS)
# The rules mark these as temporary where an experiment has latents: Snakemake removes them once they are read.
TEMPORARY = (subfolders.SAMPLES, subfolders.STATISTICS)


def folders(suite: Suite) -> Iterator[pathlib.PurePosixPath]:
    """The folders that may be removed, by their path in the suite's folder."""
    for experiment in suite.experiments:
        yield from (pathlib.PurePosixPath(experiment, part) for part in OF_EXPERIMENT)
    for dataset in dict.fromkeys(settings.dataset.name for settings in suite.experiments.values()):
        yield from (pathlib.PurePosixPath(subfolders.DATASETS, dataset, part) for part in OF_DATASET)


def may_be_removed(suite: Suite, path: str) -> bool:
    """Whether an output is one of these folders or in one, by its path in the suite's folder."""
    output = pathlib.PurePosixPath(path)
    return any(folder in (output, *output.parents) for folder in folders(suite))


def is_temporary(suite: Suite, path: str) -> bool:
    """Whether the workflow itself removes this output."""
    parts = pathlib.PurePosixPath(path).parts
    if parts[0] == subfolders.DATASETS:
        return len(parts) == 3 and parts[2] in OF_DATASET
    experiment = suite.experiments.get(parts[0])
    return experiment is not None and experiment.latent and len(parts) > 2 and parts[1] in TEMPORARY

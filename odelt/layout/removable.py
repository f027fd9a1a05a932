"""What may be removed from a suite's results, because the workflow can make it again and no table or figure needs it.

`odelt clean` removes this and nothing else, and the audit admits that this and nothing else is gone.
"""

import pathlib
from collections.abc import Iterator

from odelt.config import Suite
from odelt.layout import paths

OF_EXPERIMENT = (paths.SAMPLES, paths.STATISTICS, paths.FEATURES)
OF_DATASET = (paths.IMAGES, paths.LATENTS)
# The rules mark these as temporary where an experiment has latents: Snakemake removes them once they are read.
TEMPORARY = (paths.SAMPLES, paths.STATISTICS)


def folders(suite: Suite) -> Iterator[pathlib.PurePosixPath]:
    """The folders that may be removed, by their path in the suite's folder."""
    for experiment in suite.experiments:
        yield from (pathlib.PurePosixPath(experiment, part) for part in OF_EXPERIMENT)
    for dataset in dict.fromkeys(settings.dataset.name for settings in suite.experiments.values()):
        yield from (pathlib.PurePosixPath(paths.DATASETS, dataset, part) for part in OF_DATASET)


def may_be_removed(suite: Suite, path: str) -> bool:
    """Whether an output is one of these folders or in one, by its path in the suite's folder."""
    output = pathlib.PurePosixPath(path)
    return any(folder in (output, *output.parents) for folder in folders(suite))


def is_temporary(suite: Suite, path: str) -> bool:
    """Whether the workflow itself removes this output."""
    parts = pathlib.PurePosixPath(path).parts
    if parts[0] == paths.DATASETS:
        return len(parts) == 3 and parts[2] in OF_DATASET
    experiment = suite.experiments.get(parts[0])
    return experiment is not None and experiment.latent and len(parts) > 2 and parts[1] in TEMPORARY

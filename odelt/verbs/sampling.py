"""Sample sets."""

from odelt.layout.targets import Target
from odelt.verbs.verb import WITHIN, Values, Verb


def of_point(target: Target) -> Values:
    point, evaluation = target.point, target.experiment.evaluation
    paths = WITHIN.experiment(target.experiment_name)
    return {
        "model": paths.model(point.group.model),
        "weights": [point.group.weights],
        "length": [point.group.length],
        "setting": [point],
        "count": evaluation.samples,
        "seed": evaluation.seed,
        "batch_size": evaluation.batch_size,
        "dtype": evaluation.dtype,
        "sharding": evaluation.sharding,
        "gpus": evaluation.gpus if evaluation.gpus > 1 else None,
        "out": [paths.samples(point)],
    }


VERBS = (
    Verb("sample", title="Samples", help="generate samples; sample i depends on (seed, i) only", rules=(), gpu=True),
    Verb(
        "sample-grid",
        title="Samples",
        help="generate one sample set for each setting of a model",
        gpu=True,
        memory=16000,
        minutes=1440,
        rules=("sample",),
        generated=True,
        aligned=("weights", "length", "setting", "out"),
        parameters=of_point,
    ),
)

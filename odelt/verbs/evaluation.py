"""Features, scores, latency."""

from odelt.config import network_of
from odelt.layout import grid
from odelt.layout.paths import ExperimentPaths
from odelt.layout.targets import Target, UnknownTarget
from odelt.verbs.verb import WITHIN, Download, Values, Verb


def of_features(target: Target) -> Values:
    if target.is_of_real_images:
        images = WITHIN.data(target.experiment)
        return {"array": "images", "images": [images], "out": [files_of(target).real_features]}
    files, point = files_of(target), target.point
    return {"array": "samples", "images": [files.samples(point)], "out": [files.features(point)]}


def of_score(target: Target) -> Values:
    files, point = files_of(target), target.point
    return {
        "samples": [files.samples(point)],
        "features": [files.features(point)],
        **facts_of(target),
        "out": [files.score(point)],
    }


def of_fid(target: Target) -> Values:
    files, point = files_of(target), target.point
    of_point = {"statistics": [files.statistics(point)], **facts_of(target), "out": [files.score(point)]}
    return {**of_point, **of_references(target)}


def facts_of(target: Target) -> Values:
    return {"facts": [grid.point_facts(target.experiment_name, target.experiment, target.point)]}


def files_of(target: Target) -> ExperimentPaths:
    return WITHIN.experiment(target.experiment_name)


def of_references(target: Target) -> Values:
    labelled = target.inception.references.items()
    return {"reference": [(label, Download(source)) for label, source in labelled]}


def of_statistics(target: Target) -> Values:
    point, experiment = target.point, target.experiment
    files = files_of(target)
    return {
        "samples": [files.samples(point)],
        "out": [files.statistics(point)],
        "pictures": [files.pictures(point)],
        "codec": experiment.codec,
        "settings": experiment.features,
    }


def of_latency(target: Target) -> Values:
    if target.is_superseded:
        return of_older_latency(target)
    experiment = target.experiment
    if target.path != files_of(target).latency.as_posix():
        raise UnknownTarget(target.path)
    return {
        "facts": {"experiment": target.experiment_name},
        "network": network_of(experiment),
        "timing": experiment.evaluation.latency,
        "dtype": experiment.evaluation.dtype,
        "program": list(map(str, grid.programs(experiment))),
    }


def of_older_latency(target: Target) -> Values:
    """What an older version timed: one model at one length."""
    (model, length), experiment = target.timed, target.experiment
    timing = experiment.evaluation.latency
    facts = {"experiment": target.experiment_name, "model": model, **grid.length_facts(experiment, length)}
    return {
        "model": files_of(target).model(model),
        "weights": "ema",
        "length": length,
        "facts": facts,
        "setting": grid.latency_points(experiment)[model, length],
        "batch_size": timing.batch_size,
        "repeats": timing.repeats,
        "dtype": experiment.evaluation.dtype,
    }


SMALL = (
    Verb(
        "fit-features",
        title="Feature network",
        help="train the feature network of a small dataset",
        parameters=lambda target: {"settings": target.experiment.features},
    ),
    Verb(
        "features",
        title="Features",
        help="features of small images",
        rules=("features", "real_features"),
        generated=True,
        aligned=("images", "out"),
        parameters=of_features,
    ),
    Verb(
        "floor",
        title="Floor",
        help="Fréchet distance between two halves of the real data",
        parameters=lambda target: {"seed": target.experiment.seed},
        measures=True,
    ),
    Verb(
        "score",
        title="Score",
        help="score sample sets of small images",
        generated=True,
        aligned=("samples", "features", "facts", "out"),
        parameters=of_score,
        measures=True,
    ),
)
LARGE = (
    Verb(
        "real-statistics",
        title="Statistics of the real images",
        help="statistics of the features of a dataset's images",
        environment="vision",
        gpu=True,
        memory=16000,
        minutes=720,
        parameters=lambda target: {"dataset": target.dataset, "settings": target.user_of_dataset.features},
    ),
    Verb(
        "statistics",
        title="Statistics of features",
        help="statistics of the features of sample sets, decoded on the way",
        environment="vision",
        gpu=True,
        memory=16000,
        minutes=1440,
        generated=True,
        aligned=("samples", "out", "pictures"),
        parameters=of_statistics,
    ),
    Verb(
        "score-fid",
        title="Score",
        help="score sample sets by their statistics",
        rules=("fid",),
        generated=True,
        aligned=("statistics", "facts", "out"),
        parameters=of_fid,
        measures=True,
    ),
    Verb(
        "compare-references",
        title="Comparison of reference statistics",
        help="distances of downloaded reference statistics to those of the images themselves",
        parameters=of_references,
    ),
)
VERBS = (
    Verb(
        "latency",
        title="Latency",
        help="time the programs that generate a batch",
        gpu=True,
        memory=16000,
        minutes=240,
        rules=("latency_of_programs",),
        parameters=of_latency,
        from_nothing=True,
    ),
    *SMALL,
    *LARGE,
)

# What every room's rules share: the suite, checked before anything runs, and where its files lie.
import json
import pathlib

from odelt import config as odelt_config
from odelt import grid, preflight

SUITE = preflight.suite_or_exit(config)
RESULTS = f"results/{config['suite']}"
EXPERIMENTS = SUITE.experiments
LAYOUT = {name: grid.Layout(pathlib.Path(RESULTS, name)) for name in EXPERIMENTS}
POINTS = {name: {point.path: point for point in grid.points(settings)} for name, settings in EXPERIMENTS.items()}


pathvars:
    results=RESULTS,
    logs=f"{RESULTS}/logs",
    benchmarks=f"{RESULTS}/benchmarks",


if workflow.is_main_process:
    preflight.enter(pathlib.Path(".snakemake"))


wildcard_constraints:
    experiment="|".join(EXPERIMENTS),
    model="[a-z0-9-]+",
    length="full|l[0-9]+",
    set="[a-z0-9-]+/(ema|raw)/(full|l[0-9]+)/[^/]+",


def as_json(section):
    """A section of the suite as a rule's parameter: a change of it, and of nothing else, remakes the rule's files."""
    return json.dumps(section.model_dump(mode="json"))


def setting(point):
    """A grid point as the command line's SOLVER,w[,d]."""
    d = "" if point.d is None else f",{point.d}"
    return f"{point.solver},{grid.number(point.guidance)}{d}"


def length_argument(length):
    return "full" if length is None else length


def settings_of(wildcards):
    return EXPERIMENTS[wildcards.experiment]


# Training


def start_of(wildcards):
    """The model directory that a run starts from; none where it starts from fresh weights."""
    start = settings_of(wildcards).models[wildcards.model].start
    return [] if start == "scratch" else LAYOUT[wildcards.experiment].model(start) / "model.safetensors"


def run_of(wildcards):
    return settings_of(wildcards).models[wildcards.model]


# Evaluation


def facts_of_point(wildcards):
    """What a score is of."""
    point = POINTS[wildcards.experiment][wildcards.set]
    group = point.group
    return json.dumps(
        {
            "experiment": wildcards.experiment,
            "model": group.model,
            "weights": group.weights,
            **facts_of_length(wildcards, group.length),
            "solver": str(point.solver),
            "d": point.d,
            "guidance": point.guidance,
            "seed": SUITE.seed,
            "sampling_seed": settings_of(wildcards).evaluation.seed,
        }
    )


def facts_of_length(wildcards, length):
    network = odelt_config.network_of(settings_of(wildcards))
    return {
        "length": length_argument(length),
        "effective_blocks": network.effective_blocks(length),
    }


def timed_length(wildcards):
    return None if wildcards.length == "full" else int(wildcards.length.removeprefix("l"))


# Publishing


def scores_of(wildcards):
    layout = LAYOUT[wildcards.experiment]
    return [
        layout.floor,
        *(layout.score(point) for point in POINTS[wildcards.experiment].values()),
    ]


def latencies_of(wildcards):
    layout = LAYOUT[wildcards.experiment]
    return [layout.latency(*timed) for timed in grid.latency_points(settings_of(wildcards))]


def curves_of(wildcards):
    return [LAYOUT[wildcards.experiment].curve(model) for model in settings_of(wildcards).models]


def pictured_of(wildcards):
    """The sample sets of the picture grid."""
    points = POINTS[wildcards.experiment].values()
    return [
        LAYOUT[wildcards.experiment].samples(p) for p in points if p.group.weights == "ema" and not p.solver.adaptive
    ]


def chain_of_all():
    """Weights, scores and latencies of every experiment."""
    for name, settings in EXPERIMENTS.items():
        layout = LAYOUT[name]
        yield from (layout.model(model) / "model.safetensors" for model in settings.models)
        yield layout.floor
        yield from (layout.score(point) for point in POINTS[name].values())
        yield from (layout.latency(*timed) for timed in grid.latency_points(settings))

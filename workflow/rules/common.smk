# What every room's rules share: the suite, checked before anything runs, and where its files lie.
import json
import pathlib
import shlex
import subprocess
import sys

from snakemake.logging import logger

from odelt import config as odelt_config
from odelt.layout import grid, paths
from odelt.machine import devices
from odelt.planning import doctor, last_line, own_files

CORES = doctor.cores_or_exit(workflow.resource_settings.cores, workflow.resource_settings.nodes)
SUITE = doctor.suite_or_exit(config, workflow.configfiles)
RESULTS = pathlib.Path("results", config["suite"])
EXPERIMENTS = SUITE.enabled
PATHS = paths.SuitePaths(RESULTS, doctor.registry_or_exit(SUITE))
PATHS_OF = {name: PATHS.experiment(name) for name in EXPERIMENTS}
POINTS = {name: {point.path: point for point in grid.points(settings)} for name, settings in EXPERIMENTS.items()}
RUNS = {
    f"{name}/models/{run.name}": (name, run)
    for name, settings in EXPERIMENTS.items()
    for run in grid.runs(settings).values()
}
SOURCES = paths.sources_of(SUITE)
LATENT = [name for name, settings in EXPERIMENTS.items() if settings.latent]


pathvars:
    results=str(RESULTS),
    logs=f"{RESULTS}/logs",
    benchmarks=f"{RESULTS}/benchmarks",


if workflow.is_main_process:
    doctor.enter_or_exit()
    last_line.install(logger, config["suite"], workflow)
    # So that no job waits for a GPU while it holds cores that others could use.
    if workflow.local_exec and "gpu" not in workflow.global_resources and (gpus := devices.inventory()):
        workflow.register_resource("gpu", len(gpus))


def one_of(names):
    """A wildcard's pattern that admits these names and nothing else."""
    return "|".join(sorted(names)) or "(?!)"


wildcard_constraints:
    experiment=one_of(EXPERIMENTS),
    model="[a-z0-9-]+",
    length="full|l[0-9]+",
    set="[a-z0-9-]+/(ema|raw)/(full|l[0-9]+)/[^/]+",
    downloaded=one_of(path for path, (_, run) in RUNS.items() if run.settings.source),
    trained=one_of(path for path, (_, run) in RUNS.items() if run.settings.training),
    dataset=one_of(SUITE.datasets),


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


# Data


def user_of(wildcards):
    """The first experiment that uses a dataset; all that do have the same codec and features."""
    return next(settings for settings in EXPERIMENTS.values() if settings.dataset.name == wildcards.dataset)


def downloaded_images_of(wildcards):
    """What a dataset is made from, where that is downloaded; the user's own files are no concern of Snakemake's."""
    source = SUITE.datasets[wildcards.dataset].source
    return PATHS.source(source) if source else []


def own_files_of(wildcards):
    """Changes with the user's own files that a dataset is made from, which Snakemake does not watch."""
    return own_files.fingerprint(SUITE.datasets[wildcards.dataset])


def images_of(wildcards):
    return PATHS.images(SUITE.datasets[wildcards.dataset])


def codec_of(settings):
    return PATHS.source(settings.codec.source)


def codec_argument(settings):
    return f"--codec {shlex.quote(as_json(settings.codec))}" if settings.latent else ""


def once_read(settings, path):
    """Large files that one job makes and another reads go when they have been read (`--notemp` keeps them)."""
    return temp(path) if settings.latent else path


def inception_of(settings):
    """Inception's two files, and the downloaded reference statistics by label."""
    return {
        "weights": PATHS.source(settings.features.weights),
        "torchscript": PATHS.source(settings.features.torchscript),
    }


def references_of(settings):
    return [PATHS.source(source) for source in settings.features.references.values()]


def reference_arguments(settings):
    labelled = settings.features.references.items()
    return " ".join(f"--reference {label}={PATHS.source(source)}" for label, source in labelled)


# Training


def own_files_of_run(wildcards):
    """The same of a run on latents: these have gone when they have been read, so that the run stands for them."""
    settings, _ = run_of(wildcards.trained)
    return own_files.fingerprint(settings.dataset) if settings.latent else ""


def run_of(path):
    """The experiment's settings and the run of a model directory's path below the results."""
    experiment, run = RUNS[path]
    return EXPERIMENTS[experiment], run


def start_of(wildcards):
    """The weights that a run starts from; none where it starts from fresh ones."""
    experiment, run = RUNS[wildcards.trained]
    start = grid.start_of(run)
    return PATHS_OF[experiment].model(start) / "model.safetensors" if start else []


def import_arguments(wildcards):
    settings, _ = run_of(wildcards.downloaded)
    network = odelt_config.network_of(settings)
    return (
        f"--heads {network.heads} --group {network.group} --min-length {network.min_length}"
        f" --image {network.image[0]}x{network.image[1]}"
    )


# Evaluation


def facts_of_point(wildcards):
    """What a score is of."""
    point = POINTS[wildcards.experiment][wildcards.set]
    return json.dumps(grid.point_facts(wildcards.experiment, settings_of(wildcards), point))


def facts_of_latency(wildcards):
    settings = settings_of(wildcards)
    run = grid.runs(settings)[wildcards.model]
    facts = {"experiment": wildcards.experiment, "model": run.model}
    return json.dumps(facts | grid.length_facts(settings, timed_length(wildcards)))


def timed_length(wildcards):
    return None if wildcards.length == "full" else int(wildcards.length.removeprefix("l"))


def timed_settings(wildcards):
    points = grid.latency_points(settings_of(wildcards))[wildcards.model, timed_length(wildcards)]
    return " ".join(f"--setting {setting(point)}" for point in points)


# Publishing


def measured(experiment, points):
    """Scores and latencies of grid points, and what scores are compared with."""
    settings, layout = EXPERIMENTS[experiment], PATHS_OF[experiment]
    yield layout.references if settings.latent else layout.floor
    yield from (layout.score(point) for point in points)
    runs = grid.runs(settings)
    yield from sorted({layout.latency(runs[point.group.model].model, point.group.length) for point in points})


def scores_of(wildcards):
    return list(measured(wildcards.experiment, POINTS[wildcards.experiment].values()))


def main_scores_of(wildcards):
    return list(measured(wildcards.experiment, grid.main_points(settings_of(wildcards))))


def all_scores():
    return [path for name in EXPERIMENTS for path in measured(name, POINTS[name].values())]


def experiment_arguments():
    """Every experiment with its settings, for verbs that look at all of them together."""
    return " ".join(
        f"--experiment {name} --settings {shlex.quote(as_json(settings))}" for name, settings in EXPERIMENTS.items()
    )


def source_notes(wildcards):
    """What a table says of its sources, and where it finds out which of them nobody has vouched for yet."""
    sources = paths.sources_of_experiment(settings_of(wildcards))
    note = [f"--note {shlex.quote(SUITE.downloads.note)}"] if SUITE.downloads.note else []
    lock = [f"--lock {SUITE.downloads.lock}", *(f"--source {name}" for name in sources)]
    return " ".join(note + lock) if sources else ""


def codec_errors_of(wildcards):
    settings = settings_of(wildcards)
    return PATHS.codec_error(settings.dataset) if settings.latent else []


def curves_of(wildcards):
    layout = PATHS_OF[wildcards.experiment]
    return [layout.curve(run.name) for run in grid.needed_runs(settings_of(wildcards)) if run.settings.training]


def pictured_of(wildcards):
    """The files that the picture grid is cut from."""
    layout, settings = PATHS_OF[wildcards.experiment], settings_of(wildcards)
    return [
        layout.pictures(point) if settings.latent else layout.samples(point) for point in grid.pictured_points(settings)
    ]


def chain_of(experiment):
    """Weights, scores and latencies of an experiment."""
    needed = grid.needed_runs(EXPERIMENTS[experiment])
    yield from (PATHS_OF[experiment].model(run.name) / "model.safetensors" for run in needed)
    yield from measured(experiment, POINTS[experiment].values())


# Resources: small experiments share the machine's cores, large ones take a GPU each job.

RETRIES = 1 if LATENT else 0  # a run of days outlives one bad moment; a small one fails at once


def gpus_of(wildcards):
    return 1 if wildcards.experiment in LATENT else 0


def uses_conda():
    """Whether jobs run in environments of their own (--sdm conda)."""
    return any(method.name == "CONDA" for method in workflow.deployment_settings.deployment_method)


# Provenance


def keep_snapshot():
    """What a run has made can be audited, also where it was asked for one file: the copies that are there stay."""
    if workflow.is_main_process and RESULTS.exists():
        command = [sys.executable, "-m", "odelt", "snapshot", "--suite", config["suite"], "--out", str(RESULTS)]
        subprocess.run(command, check=False)

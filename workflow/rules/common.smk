# What every room's rules share: the suite, checked before anything runs, and where its files lie.
import pathlib
import shlex
import subprocess
import sys

from snakemake.logging import logger

from odelt.config import Length
from odelt.layout import grid, model_directory, paths
from odelt.layout.targets import Target
from odelt.machine import devices
from odelt.planning import doctor, last_line, own_files
from odelt.verbs import VERBS

CORES = doctor.cores_or_exit(workflow.resource_settings.cores, workflow.resource_settings.nodes)
SUITE = doctor.suite_or_exit(config, workflow.configfiles)
RESULTS = pathlib.Path(paths.RESULTS, config["suite"])
EXPERIMENTS = SUITE.enabled
PATHS = paths.SuitePaths(RESULTS, doctor.registry_or_exit(SUITE))
PATHS_OF = {name: PATHS.experiment(name) for name in EXPERIMENTS}
ANY, ANY_DATASET = PATHS.experiment("{experiment}"), PATHS.dataset("{dataset}")  # with wildcards
POINTS = {name: {point.path: point for point in grid.points(settings)} for name, settings in EXPERIMENTS.items()}
RUNS = {
    PATHS_OF[name].model(run.name).relative_to(RESULTS).as_posix(): (name, run)
    for name, settings in EXPERIMENTS.items()
    for run in grid.runs(settings).values()
}
SOURCES = paths.sources_of(SUITE)
LATENT = [name for name, settings in EXPERIMENTS.items() if settings.latent]
SMALL = [name for name in EXPERIMENTS if name not in LATENT]


pathvars:
    results=str(RESULTS),
    logs=str(RESULTS / paths.LOGS),
    benchmarks=str(RESULTS / paths.BENCHMARKS),


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
    downloaded=one_of(path for path, (_, run) in RUNS.items() if run.settings.source),
    trained=one_of(path for path, (_, run) in RUNS.items() if run.settings.training),
    dataset=one_of(SUITE.datasets),


# What a verb is, and its options, are in odelt/verbs; the audit compares records with the same descriptions.


def target(path, suite=SUITE, results=RESULTS):
    return Target(suite, results.name, pathlib.Path(path).relative_to(results).as_posix())


def options_of(verb, output, suite=SUITE, files=PATHS):
    """The options of the command that makes `output`, a path with wildcards, quoted for the shell.

    A function of the wildcards alone: Snakemake does not see changes of parameters that derive from inputs or outputs.
    """

    def options(wildcards):
        path = str(output).format(**dict(wildcards.items()))
        return VERBS[verb].options([target(path, suite, files.root)], files)

    return options


def options_of_group(verb, outputs):
    """The same of a job with these outputs, each with a value of its own for some options."""
    return VERBS[verb].options(list(map(target, outputs)), PATHS)


def options_so_far(experiment, output):
    """Options of the verbs that publish tables and figures of what there is, without notes on the sources."""
    whole = PATHS_OF[experiment].figure(paths.SCALING, "svg")
    return VERBS["figures"].options([target(whole)], PATHS, output.parent)


def environment_of(verb):
    return f"../../envs/{VERBS[verb].environment}.yaml"


def settings_of(wildcards):
    return EXPERIMENTS[wildcards.experiment]


# Data


def user_of(wildcards):
    """The first experiment that uses a dataset; all that do have the same codec and features."""
    return next(settings for settings in EXPERIMENTS.values() if settings.dataset.name == wildcards.dataset)


def downloaded_images_of(wildcards):
    """What a dataset is made from, where that is downloaded. `own_files_of` stands for the user's own files."""
    source = SUITE.datasets[wildcards.dataset].source
    return PATHS.source(source) if source else []


def source_option_of(wildcards, input):
    return f"--source {input[0]}" if input else ""


def own_files_of(wildcards):
    """A fingerprint of the user's own files that a dataset is made from: Snakemake does not watch these."""
    return own_files.fingerprint(SUITE.datasets[wildcards.dataset])


def images_of(wildcards):
    return PATHS.images(SUITE.datasets[wildcards.dataset])


def codec_of(settings):
    return PATHS.source(settings.codec.source)


def once_read(settings, path):
    """Large files that one job makes and another reads go when they have been read (`--notemp` keeps them)."""
    return temp(path) if settings.latent else path


def inception_of(settings):
    """Inception's two files."""
    return {
        "weights": PATHS.source(settings.features.weights),
        "torchscript": PATHS.source(settings.features.torchscript),
    }


def references_of(settings):
    return [PATHS.source(source) for source in settings.features.references.values()]


# Training


def own_files_of_run(wildcards):
    """The fingerprint for a run on latents. The latents go once they are read, so that the run has to depend on it."""
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
    return PATHS_OF[experiment].weights(start) if start else []


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


def published_of(files):
    """What a reader of an experiment's results looks at first."""
    return [files.table(paths.MAIN, "md"), files.table(paths.GRID, "md"), files.figure(paths.SCALING, "svg")]


def shown(path, label):
    """A table's page or a figure in Snakemake's report."""
    kind = "Figure" if path.suffix == ".svg" else "Table"
    where = (
        {"category": "{experiment}", "subcategory": f"{kind}s"} if "{" in str(path) else {"category": "All verdicts"}
    )
    return report(path, caption=f"../report/{path.stem}.rst", labels={kind.lower(): label}, **where)


def lock_of(wildcards):
    """Where a table finds out which of its sources nobody has vouched for yet."""
    return shlex.join(["--lock", SUITE.downloads.lock]) if paths.sources_of_experiment(settings_of(wildcards)) else ""


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
    yield from (PATHS_OF[experiment].weights(run.name) for run in needed)
    yield from measured(experiment, POINTS[experiment].values())


# Resources: small experiments share the machine's cores, large ones take a GPU each job.

RETRIES = 1 if LATENT else 0  # a run of days outlives one bad moment; a small one fails at once


def resources_of(mem_mb=4000, minutes=60, gpu=0):
    return {"mem_mb": mem_mb, "runtime": minutes, "gpu": gpu}


def resources_of_experiment(mem_mb, minutes):
    """The same of a job whose experiment may be small: then it needs little, and no GPU."""
    large, small = resources_of(mem_mb, minutes, 1), resources_of()
    return {name: lambda w, name=name: (large if is_large(w) else small)[name] for name in large}


def is_large(wildcards):
    """Whether a job belongs to an experiment that is large enough for a GPU of its own."""
    return (RUNS[wildcards.trained][0] if hasattr(wildcards, "trained") else wildcards.experiment) in LATENT


def uses_conda():
    """Whether jobs run in environments of their own (--sdm conda)."""
    return any(method.name == "CONDA" for method in workflow.deployment_settings.deployment_method)


# Provenance


def keep_snapshot():
    """So that what a run has made can be audited, also where it was asked for one file."""
    if workflow.is_main_process and RESULTS.exists():
        command = [sys.executable, "-m", "odelt", "snapshot", "--suite", config["suite"], "--out", str(RESULTS)]
        subprocess.run(command, check=False)

# What every room's rules share: the suite, checked before anything runs, and its files.
import pathlib
import shlex
import subprocess
import sys

from snakemake.logging import logger

from odelt.config import subfolders
from odelt.layout import grid, inputs, model_directory, paths
from odelt.machine import devices
from odelt.planning import doctor, jobs, last_line, own_files
from odelt.verbs import VERBS

CORES = doctor.cores_or_exit(workflow.resource_settings.cores, workflow.resource_settings.nodes, workflow.local_exec)
SUITE = doctor.suite_or_exit(config, workflow.configfiles)
RESULTS = pathlib.Path(paths.RESULTS, config["suite"])
EXPERIMENTS = SUITE.enabled
PATHS = paths.SuitePaths(RESULTS, doctor.registry_or_exit(SUITE))
PATHS_OF = {name: PATHS.experiment(name) for name in EXPERIMENTS}
ANY, ANY_DATASET = PATHS.experiment("{experiment}"), PATHS.dataset("{dataset}")  # with wildcards
RUNS = {
    PATHS_OF[name].model(run.name).relative_to(RESULTS).as_posix(): run.settings
    for name, settings in EXPERIMENTS.items()
    for run in grid.runs(settings).values()
}
SOURCES = paths.sources_of(SUITE)
JOBS = jobs.Jobs(SUITE, PATHS)
OF_SUITE = [paths.VERDICTS] + ([paths.CLAIMS] if doctor.has_claims(SUITE) else [])
LATENT = JOBS.large
SMALL = [name for name in EXPERIMENTS if name not in LATENT]


pathvars:
    results=str(RESULTS),
    logs=str(RESULTS / subfolders.LOGS),
    benchmarks=str(RESULTS / subfolders.BENCHMARKS),


if workflow.is_main_process:
    doctor.enter_or_exit()
    doctor.storage_or_exit(workflow.storage_settings.default_storage_provider)
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
    downloaded=one_of(path for path, model in RUNS.items() if model.source),
    trained=one_of(path for path, model in RUNS.items() if model.training),
    dataset=one_of(SUITE.datasets),


def environment_of(verb):
    return f"../../envs/{VERBS[verb].environment}.yaml"


def resources_of(verb, large=None, gpus=1):
    """What a scheduler is asked for: by the size of a job's experiment, where its wildcards say which that is."""
    return JOBS.resources(verb) if large is None else VERBS[verb].resources(large, gpus)


def once_read(settings, path):
    """Large files that one job makes and another reads go when they have been read (`--notemp` keeps them)."""
    return temp(path) if settings.latent else path


def published_of(files):
    """What a reader of an experiment's results looks at first."""
    return [files.table(paths.MAIN, "md"), files.table(paths.GRID, "md"), files.figure(paths.SCALING, paths.SVG)]


def shown(path, label):
    """A table's page or a figure in Snakemake's report."""
    kind = "Figure" if path.suffix == f".{paths.SVG}" else "Table"
    where = (
        {"category": "{experiment}", "subcategory": f"{kind}s"} if "{" in str(path) else {"category": "All verdicts"}
    )
    return report(path, caption=f"../report/{path.stem}.rst", labels={kind.lower(): label}, **where)


def uses_conda():
    """Whether jobs run in environments of their own (--sdm conda)."""
    return any(method.name == "CONDA" for method in workflow.deployment_settings.deployment_method)


def keep_snapshot():
    """So that what a run has made can be audited, also where it was asked for one file."""
    if workflow.is_main_process and RESULTS.exists():
        command = [sys.executable, "-m", "odelt", "snapshot", "--suite", config["suite"], "--out", str(RESULTS)]
        subprocess.run(command, check=False)

"""What the workflow's rules ask of a suite: inputs, options and needs of a job, by its wildcards or its outputs."""

import pathlib
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from odelt.config import Dataset, Experiment, Suite
from odelt.layout import grid
from odelt.layout.paths import ExperimentPaths, StudyPaths, SuitePaths
from odelt.layout.targets import Target
from odelt.planning import own_files
from odelt.verbs import VERBS

Wildcards = Any  # Snakemake's: a value by its name, as an attribute too
OfJob = Callable[[Wildcards], Any]
Files = ExperimentPaths[pathlib.Path]


def options(verb: str, output: pathlib.Path, suite: Suite | None, files: SuitePaths | StudyPaths) -> OfJob:
    """Returns a function that gives the options of the command that makes `output`, quoted for the shell.

    `output` is a path with wildcards. The options are a function of the wildcards alone, because Snakemake does not see
    changes of parameters that derive from inputs or outputs.
    """

    def of_job(wildcards: Wildcards) -> str:
        path = pathlib.Path(str(output).format(**dict(wildcards.items()))).relative_to(files.root)
        return VERBS[verb].options([Target(suite, files.root.name, path.as_posix())], files)

    return of_job


class Jobs:
    """The jobs of a suite. A method that takes wildcards is an input function, or gives a parameter of a job."""

    def __init__(self, suite: Suite, files: SuitePaths[pathlib.Path]):
        self._suite, self._files = suite, files
        self.large = [name for name, settings in suite.enabled.items() if settings.latent]  # that take a GPU each job
        self.retries = 1 if self.large else 0  # a run of days outlives one bad moment, a small one fails at once
        self.slices = 8 if self.large else 1  # tries of a training, each as long as its rule's `runtime` at most

    # Commands

    def options(self, verb: str, output: pathlib.Path) -> OfJob:
        return options(verb, output, self._suite, self._files)

    def options_of_all(self, verb: str, outputs: Iterable[pathlib.Path]) -> str:
        """The options of a job with these outputs, each with a value of its own for some options."""
        return VERBS[verb].options(list(map(self._target, outputs)), self._files)

    def options_of_run(self, output: pathlib.Path) -> OfJob:
        """The options of a training job. Its checkpoints are no outputs, which Snakemake removes when a job fails."""
        options = self.options("train", output)
        return lambda w: f"{options(w)} {shlex.join(['--checkpoints', str(self._checkpoints(w))])}"

    def options_so_far(self, experiment: str, output: pathlib.Path) -> str:
        """Options of the verbs that publish tables and figures of what there is, without notes on the sources."""
        return VERBS["figures"].options([self._of(experiment)], self._files, output.parent)

    def lock(self, wildcards: Wildcards) -> str:
        """The option by which a table finds out which of its sources nobody has vouched for; empty without sources."""
        sources = VERBS["tables"].parameters(self._of(wildcards.experiment))["source"]
        return shlex.join(["--lock", self._suite.downloads.lock]) if sources else ""

    # Inputs

    def settings(self, wildcards: Wildcards) -> Experiment:
        return self._suite.enabled[wildcards.experiment]

    def of_experiment(self, select: Callable[[Experiment, Files], Iterable[pathlib.Path]]) -> OfJob:
        """Returns a function that gives what `select` chooses of the experiment of the wildcards, and its files."""
        return lambda wildcards: list(select(self.settings(wildcards), self._files.experiment(wildcards.experiment)))

    def of_all(self, select: Callable[[Experiment, Files], Iterable[pathlib.Path]]) -> list[pathlib.Path]:
        """What `select` chooses of each experiment."""
        enabled = self._suite.enabled.items()
        return [path for name, settings in enabled for path in select(settings, self._files.experiment(name))]

    def user(self, wildcards: Wildcards) -> Experiment:
        """The first experiment that uses the dataset of the wildcards."""
        return self._suite.users[wildcards.dataset]

    def images(self, wildcards: Wildcards) -> pathlib.Path:
        return self._files.images(self._dataset(wildcards))

    def downloaded_images(self, wildcards: Wildcards) -> pathlib.Path | list:
        """What a dataset is made from, where that is downloaded. `own_files` stands for the user's own files."""
        source = self._dataset(wildcards).source
        return self._files.source(source) if source else []

    def source(self, wildcards: Wildcards, input: list) -> str:
        """The option that names what a dataset is made from, where that is downloaded."""
        return f"--source {input[0]}" if input else ""

    def codec_errors(self, wildcards: Wildcards) -> pathlib.Path | list:
        settings = self.settings(wildcards)
        return self._files.codec_error(settings.dataset) if settings.latent else []

    def of_run(self, wildcards: Wildcards) -> Mapping[str, pathlib.Path]:
        """What a run is trained on, and the weights that it starts from where those are not fresh."""
        trained = self._run(wildcards)
        start = trained.run.start
        weights = {"start": self._files.experiment(trained.experiment_name).weights(start)} if start else {}
        return {"data": self._files.data(trained.experiment), **weights}

    def of_description(self, experiment: str, points: Iterable[grid.Point]) -> Mapping[str, Any]:
        """The samples of an experiment on latents that a job describes, and with what, by the options that name it."""
        settings, files = self._suite.enabled[experiment], self._files
        networks = {**files.inception(settings), "vae": files.codec(settings)}
        samples = list(map(files.experiment(experiment).samples, points))
        return {**networks, "real": files.real_statistics(settings.dataset), "samples": samples}

    # Parameters that Snakemake watches, and those that it need not

    def own_files(self, wildcards: Wildcards) -> str:
        """A fingerprint of the user's own files that a dataset is made from: Snakemake does not watch these."""
        return own_files.fingerprint(self._dataset(wildcards))

    def own_files_of_run(self, wildcards: Wildcards) -> str:
        """The same of a run on latents. The latents go once they are read, so that the run has to depend on it."""
        settings = self._run(wildcards).experiment
        return own_files.fingerprint(settings.dataset) if settings.latent else ""

    # Jobs with several outputs, and needs

    def of_points(self, names: Iterable[str]) -> Iterator[tuple[str, Experiment, Files, str, list[grid.Point]]]:
        """The grid points of these experiments by the job that samples or scores them, with what its rules need."""
        for name in names:
            settings = self._suite.enabled[name]
            for job, points in grid.point_jobs(settings).items():
                yield name, settings, self._files.experiment(name), job, points

    def is_large(self, wildcards: Wildcards) -> bool:
        """Whether a job's experiment is large; of a job of no experiment, whether any is."""
        is_of_run = wildcards.get("trained") or wildcards.get("downloaded")
        name = self._run(wildcards).experiment_name if is_of_run else wildcards.get("experiment")
        return name in self.large if name else bool(self.large)

    def resources(self, verb: str) -> dict[str, Callable[[Wildcards], int]]:
        """Memory, time and GPUs of a verb's job, by the size of its experiment."""
        names = VERBS[verb].resources(large=True)
        return {
            name: lambda w, name=name: VERBS[verb].resources(self.is_large(w), self._gpus(w))[name] for name in names
        }

    def _checkpoints(self, wildcards: Wildcards) -> pathlib.Path:
        trained = self._run(wildcards)
        return self._files.checkpoints(trained.experiment_name, trained.run.name)

    def _gpus(self, wildcards: Wildcards) -> int:
        training = self._run(wildcards).run.settings.training if wildcards.get("trained") else None
        return training.gpus if training else 1

    def _dataset(self, wildcards: Wildcards) -> Dataset:
        return self._suite.datasets[wildcards.dataset]

    def _run(self, wildcards: Wildcards) -> Target:
        """The model directory of the wildcard `trained` or `downloaded`, a path below the results."""
        return self._target(self._files.root / (wildcards.get("trained") or wildcards.get("downloaded")))

    def _of(self, experiment: str) -> Target:
        return self._target(self._files.experiment(experiment).root)

    def _target(self, path: pathlib.Path) -> Target:
        return Target(self._suite, self._files.root.name, path.relative_to(self._files.root).as_posix())

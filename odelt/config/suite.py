"""What a suite is: one YAML file, `config/<suite>.yaml`; suites are not merged."""

import os
import pathlib

import pydantic
from pydantic import Field

from odelt.config.dataset import Dataset
from odelt.config.experiment import Experiment
from odelt.config.older import completed
from odelt.config.parsing import FileName, Name, NotNegative, Section, nearest, parse
from odelt.config.subfolders import OF_EXPERIMENT, OF_SUITE
from odelt.errors import OdeltError
from odelt.plain_data import read_yaml
from odelt.quoting import LONGEST_NAME, printable, quoted
from odelt.version import __version__

CONFIG = pathlib.Path("config")
NOT_SUITES = ("config", "latency", "latency-small", "reference", "sources", "sources.lock")


class Downloads(Section):
    """Where downloads come from (SPEC 8), and how far they are trusted."""

    registry: FileName = Field(
        default="config/sources.yaml", description="File with the address and licence of each source."
    )
    lock: FileName = Field(
        default="config/sources.lock.yaml", description="File with the digests that downloads must have."
    )
    strict: bool = Field(
        default=False,
        description="Whether a download without a known digest is refused. Otherwise its digest is recorded.",
    )
    by_hand: str = Field(
        default="downloads",
        description="Folder of files that are taken instead of being downloaded: under their own name, or in a folder "
        "with the source's name.",
    )
    proxy: str | None = Field(
        default=None, description="Address of a proxy. Default: that of the environment (`HTTPS_PROXY` and the like)."
    )
    certificate: str | None = Field(
        default=None, description="File with the certificates that are trusted. Default: that of the environment."
    )
    note: str | None = Field(default=None, description="What each table says of the downloads.")


class Suite(Section):
    """A whole reproduction: what `config/<suite>.yaml` holds."""

    seed: NotNegative = Field(description="Seed of training, in experiments without their own.")
    published: FileName = Field(
        default="config/reference.yaml", description="File with the numbers that tables and `verdicts.md` compare with."
    )
    downloads: Downloads = Field(
        default=Downloads(), description="Where downloads come from, and how far they are trusted."
    )
    experiments: dict[Name, Experiment] = Field(
        min_length=1, description="The experiments, by name. Each has a folder of this name in the results."
    )

    @pydantic.model_validator(mode="before")
    @classmethod
    def _seeds(cls, raw):
        """An experiment that says no seed has the suite's."""
        if isinstance(raw, dict) and "seed" in raw and isinstance(raw.get("experiments"), dict):
            experiments = {
                name: {"seed": raw["seed"], **settings} if isinstance(settings, dict) else settings
                for name, settings in raw["experiments"].items()
            }
            return raw | {"experiments": experiments}
        return raw

    @pydantic.model_validator(mode="after")
    def _hangs_together(self):
        known: dict[str, Experiment] = {}
        for name, experiment in self.experiments.items():
            if name in (*OF_SUITE, *OF_EXPERIMENT):
                raise ValueError(f"experiments.{name}: a folder of the results has this name; choose another")
            other = known.setdefault(experiment.dataset.name, experiment)
            for part in ("dataset", "codec", "features"):
                if getattr(other, part) != getattr(experiment, part):
                    raise ValueError(
                        f"experiments.{name}.{part}: another experiment uses the dataset '{experiment.dataset.name}' "
                        f"with another '{part}', and they share its files; give this dataset another name"
                    )
        return self

    @property
    def enabled(self) -> dict[str, Experiment]:
        """The experiments that are run."""
        return {name: experiment for name, experiment in self.experiments.items() if experiment.enabled}

    @property
    def users(self) -> dict[str, Experiment]:
        """The first experiment that uses each dataset, by the dataset's name.

        All that use a dataset have the same codec and features.
        """
        users: dict[str, Experiment] = {}
        for experiment in self.enabled.values():
            users.setdefault(experiment.dataset.name, experiment)
        return users

    @property
    def datasets(self) -> dict[str, Dataset]:
        """The datasets of the experiments that are run, by name."""
        return {name: experiment.dataset for name, experiment in self.users.items()}


def load_suite(path: str | pathlib.Path, version: str | None = __version__) -> Suite:
    """Reads and checks a suite.

    `version` is the version of odelt for which the file was written. Keys that it lacked get the values that it used.

    Raises:
        OdeltError: it is not valid. The line names the file, the key and the nearest known key or the allowed values.
    """
    path = pathlib.Path(path)
    if not os.path.exists(path):  # Path.exists raises if the name is too long for a file
        known = sorted(p.stem for p in path.parent.glob("*.yaml") if p.stem not in NOT_SUITES)
        hint = nearest(path.stem, known) or f"; known are {', '.join(known)}"
        raise OdeltError(f"there is no suite {quoted(path.stem)} ({printable(path, LONGEST_NAME)}){hint}")
    return parse(Suite, completed(Suite, read_yaml(path, "suite"), version), str(path))


def configured() -> str:
    """Returns the name of the suite in `config/config.yaml`."""
    path = CONFIG / "config.yaml"
    content = read_yaml(path, "configuration") if path.exists() else None
    if not isinstance(content, dict) or not isinstance(content.get("suite"), str):
        raise OdeltError(f"{path} does not name a suite; start in the project's folder")
    return content["suite"]


def suite_named(name: str) -> Suite:
    return load_suite(CONFIG / f"{name}.yaml")

"""What a valid configuration is: suites, experiments, networks, training runs, grids. Nothing else decides that.

A suite is one YAML file (`config/<suite>.yaml`). Every section is a frozen, typed record; an unknown key is an error
that names the nearest known one. `odelt.config.documentation` writes the keys' descriptions
into the JSON schema and `config/README.md`.
"""

from odelt.config.dataset import Codec, Dataset
from odelt.config.evaluation import Evaluation, FeatureNetwork, GridBlock, Inception, Latency
from odelt.config.experiment import SCRATCH, Experiment, ModelSettings, network_of
from odelt.config.length import Length
from odelt.config.network import Architecture, ModelConfig, Network
from odelt.config.parsing import (
    Name,
    NotNegative,
    Positive,
    Precision,
    Section,
    Share,
    check_gpus,
    nearest,
    parse,
    parse_json,
)
from odelt.config.solver import SPELLINGS, Solver
from odelt.config.suite import CONFIG, Downloads, Suite, configured, load_suite, suite_named
from odelt.config.training import Training
from odelt.solvers import FINEST_D, MAX_STEPS

__all__ = [
    "CONFIG",
    "FINEST_D",
    "MAX_STEPS",
    "SCRATCH",
    "SPELLINGS",
    "Architecture",
    "Codec",
    "Dataset",
    "Downloads",
    "Evaluation",
    "Experiment",
    "FeatureNetwork",
    "GridBlock",
    "Inception",
    "Latency",
    "Length",
    "ModelConfig",
    "ModelSettings",
    "Name",
    "Network",
    "NotNegative",
    "Positive",
    "Precision",
    "Section",
    "Share",
    "Solver",
    "Suite",
    "Training",
    "check_gpus",
    "configured",
    "load_suite",
    "nearest",
    "network_of",
    "parse",
    "parse_json",
    "suite_named",
]

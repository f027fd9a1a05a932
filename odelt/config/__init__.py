"""What a valid configuration is: suites, experiments, networks, training runs, grids. Nothing else decides that.

A suite is one YAML file (`config/<suite>.yaml`). Every section is a frozen, typed record; an unknown key is an error
that names the nearest known one. The JSON schema in `workflow/schemas/` is generated from here.
"""

from odelt.config.experiment import (
    SCRATCH,
    Codec,
    Dataset,
    Evaluation,
    Experiment,
    FeatureNetwork,
    GridBlock,
    Inception,
    Latency,
    ModelSettings,
    Precision,
    Training,
    network_of,
)
from odelt.config.network import FINEST_D, MAX_STEPS, METHODS, Architecture, Network, Solver
from odelt.config.parsing import Name, NotNegative, Positive, Section, Share, nearest, parse, parse_json
from odelt.config.suite import CONFIG, Downloads, Suite, configured, load_suite, schema, suite_named

__all__ = [
    "CONFIG",
    "FINEST_D",
    "MAX_STEPS",
    "METHODS",
    "SCRATCH",
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
    "configured",
    "load_suite",
    "nearest",
    "network_of",
    "parse",
    "parse_json",
    "schema",
    "suite_named",
]

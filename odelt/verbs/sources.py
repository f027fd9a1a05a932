"""Downloads, and released checkpoints as model directories."""

from odelt.config import network_of
from odelt.layout.model_directory import CONFIG, WEIGHTS
from odelt.layout.targets import Target, UnknownTarget
from odelt.verbs.verb import Values, Verb


def of_import(target: Target) -> Values:
    if target.run.settings.source is None:
        raise UnknownTarget(target.path)
    network = network_of(target.experiment)
    chosen = {"heads": network.heads, "group": network.group, "min_length": network.min_length}
    # No objective: that of the released checkpoints is the default, and records of older versions name none.
    return {**chosen, "image": network.image, "format": "auto", "objective": None}


VERBS = (
    Verb(
        "fetch",
        title="Download",
        help="download a source, verify it and note its digest; the same command goes on after an interruption",
        environment="data",
        rules=("fetch", "fetch_repository"),
        positional=("name",),
        parameters=lambda target: {"name": target.source},
        from_nothing=True,
        memory=2000,
        minutes=720,
    ),
    Verb(
        "import-checkpoint",
        title="Imported checkpoint",
        help="make a model directory from a released checkpoint",
        outputs=(WEIGHTS, CONFIG),
        parameters=of_import,
        memory=32000,
    ),
    Verb(
        "export",
        title="Exported checkpoint",
        help="write a model as a pickled checkpoint that SM's or the authors' code loads",
        rules=(),
    ),
)

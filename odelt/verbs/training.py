"""Training and fine-tuning."""

from odelt.config import network_of
from odelt.layout import grid
from odelt.layout.model_directory import CONFIG, CURVE, WEIGHTS
from odelt.layout.targets import Target
from odelt.verbs.verb import WITHIN, Values, Verb


def of_run(target: Target) -> Values:
    experiment, run = target.experiment, target.run
    start = grid.start_of(run)
    return {
        "network": network_of(experiment),
        "training": run.settings.training,
        "codec": experiment.codec if experiment.latent else None,
        "start": WITHIN.experiment(target.experiment_name).model(start) if start else None,
        "inner_ode": run.inner_ode,
        "seed": run.seed,
    }


VERBS = (
    Verb(
        "train",
        title="Training run",
        help="train or fine-tune; the same command goes on after an interruption",
        gpu=True,
        memory=32000,
        minutes=1440,
        outputs=(WEIGHTS, CONFIG, CURVE),
        parameters=of_run,
    ),
)

"""What a valid suite may still be warned of: nothing here stops a run."""

from collections.abc import Iterable

from odelt.config.experiment import Training
from odelt.config.suite import Suite

LARGEST_SHARE = 0.05  # of the weights that training starts from, in the moving average at its end


def warnings(suite: Suite, experiments: Iterable[str]) -> list[str]:
    """A line for each model of these experiments whose settings do not fit each other."""
    return [
        f"{name}.models.{model}.training: {line}"
        for name in experiments
        for model, settings in suite.enabled[name].models.items()
        if settings.training and (line := _of_moving_average(settings.training))
    ]


def _of_moving_average(training: Training) -> str | None:
    """The moving average (EMA) starts at the start weights, and loses the share ema_rate ** steps of them in a run.

    The share is above 5 % where the average is over more than a third of the steps.
    """
    share = training.ema_rate**training.steps
    if share <= LARGEST_SHARE:
        return None
    over = 1 / (1 - training.ema_rate)
    return (
        f"ema_rate {training.ema_rate:g} averages over about {over:,.0f} steps, and there are {training.steps:,}, so "
        f"the averaged weights keep {share:.0%} of what training starts from; {_remedy(training.steps)}"
    )


def _remedy(steps: int) -> str:
    return f"take an ema_rate of {1 - 10 / steps:g}, or more steps" if steps >= 20 else "take more steps"

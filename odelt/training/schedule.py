"""Optimiser and learning rate (SPEC 4.6)."""

import optax

from odelt.config import Training


def learning_rate(training: Training) -> optax.Schedule:
    """Linear from 0 over the warm-up, then constant, then a cosine to 0 over the last `decay_share` of the steps."""
    peak, decay = training.learning_rate, training.decay_from
    return optax.join_schedules(
        [
            optax.linear_schedule(0.0, peak, training.warmup_steps),
            optax.constant_schedule(peak),
            optax.cosine_decay_schedule(peak, max(1, training.steps - decay)),
        ],
        boundaries=[training.warmup_steps, decay],
    )


def optimiser(training: Training) -> optax.GradientTransformation:
    """AdamW with decoupled weight decay on everything."""
    return optax.adamw(learning_rate(training), b1=0.9, b2=0.999, eps=1e-8, weight_decay=training.weight_decay)

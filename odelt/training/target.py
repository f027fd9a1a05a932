"""One objective's noisy input and regression target, for given noise, data, times and labels."""

import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Float32

from odelt.config import FINEST_D, Network, nearest
from odelt.config.network import LARGEST_SIZE
from odelt.errors import OdeltError
from odelt.machine import numerics
from odelt.model import Model, arguments, held
from odelt.model.weights import LENGTH_TABLE
from odelt.objectives import OBJECTIVES, Objective
from odelt.objectives.phases import PHASES
from odelt.objectives.rows import Given, over_image
from odelt.quoting import quoted

Images = Float32[jax.Array, "batch height width channels"]


@numerics.pinned()
def target(
    objective: str,
    x0,
    x1,
    t,
    y,
    *,
    d=None,
    ema: Model | None = None,
    teacher: Model | None = None,
    student: Model | None = None,
    eps=None,
    guidance: float = 1.0,
    phase: int = 0,
) -> tuple[Images, Images]:
    """Makes an objective's noisy input x_t and the velocity that its network is regressed on there (SPEC 4).

    Networks see the conditions that the objective prescribes, whatever objective their models were trained with.

    Args:
        objective: a name in `odelt.objectives.OBJECTIVES`.
        x0: [N, H, W, C] noise, finite.
        x1: [N, H, W, C] data, finite. "live-reflow" makes its own; the target is that of its reflow rows.
        t: [N] or scalar, times in [0, 1].
        y: [N] or scalar, class labels of an integer type.
        d: [N] or scalar, step-size conditions 0..7 of "shortcut"; by default 7, which is flow matching.
        ema, teacher, student: models as `odelt.load_model` gives them: "shortcut" below d = 7 asks `ema`, "progressive"
            `teacher`, "consistency-distillation" both, "consistency-training" `ema`, "live-reflow" `student`.
        eps: [N, H, W, C], the ε of "icfm".
        guidance: classifier-free guidance scale of the networks' answers, where the objective has one. "shortcut": 1 is
            the plain rule; else the target is the second copy's of the guided rule (SPEC 4.2).
        phase: 0..6, of "progressive" and "consistency-training".

    Returns:
        x_t and the target, both float32 [N, H, W, C].

    Raises:
        OdeltError: an objective that is not known, a missing network or ε, or an argument of another shape or range.
    """
    entry = _entry(objective)
    models = {"ema": ema, "teacher": teacher, "student": student}
    config = next((model.config for model in models.values() if model), None)
    x0, x1, epsilon = _images(entry, x0, x1, eps, config)
    t, d = arguments.times(t, len(x0)), arguments.step_sizes(FINEST_D if d is None else d, len(x0))
    y = arguments.labels(y, len(x0), config.classes if config else LARGEST_SIZE)
    if not 0 <= phase < PHASES:
        raise OdeltError(f"phase {phase}: there are the phases 0 to {PHASES - 1}")
    networks, weights = _networks(entry, d, models)
    return _target(entry, networks, arguments.guidance(guidance), phase, weights, x0, x1, t, y, d, epsilon)


def _entry(objective: str) -> Objective:
    if objective not in OBJECTIVES:
        hint = nearest(objective, OBJECTIVES)
        raise OdeltError(f"objective {quoted(objective)}: known are {', '.join(OBJECTIVES)}{hint}")
    return OBJECTIVES[objective]


def _images(entry: Objective, x0, x1, eps, config: Network | None) -> tuple[Images, Images, Images]:
    """Checks noise, data and ε. What an objective does not need is the noise."""
    if eps is None and entry.flow and entry.flow.needs_epsilon:
        raise OdeltError(f"objective '{entry.name}' needs ε: give eps=, noise of the shape of x0")
    x0 = arguments.images("x0", x0, config)
    makes_data = entry.consistency is not None and not entry.consistency.takes_images
    x1 = x0 if makes_data else arguments.images("x1", x1, config)
    epsilon = x0 if eps is None else arguments.images("eps", eps, config)
    for name, array in (("x1", x1), ("eps", epsilon)):
        if array.shape != x0.shape:
            raise OdeltError(f"{name} has shape {list(array.shape)}, and x0 {list(x0.shape)}: they must be equal")
    return x0, x1, epsilon


def _networks(entry: Objective, d: jax.Array, models: Mapping[str, Model | None]) -> tuple[tuple, dict]:
    """The networks that targets at d need: (name, structure, length) of each, and its weights by name."""
    is_flow = entry.chooses_d and bool((d == FINEST_D).all())
    networks, weights = [], {}
    for name in entry.consistency.asks if entry.consistency and not is_flow else ():
        if (model := models[name]) is None:
            raise OdeltError(f"objective '{entry.name}' asks the network '{name}': give a model as {name}=")
        networks.append((name, model.structure, _length(entry, model)))
        weights[name] = model.held_for(_length(entry, model))
    return tuple(networks), weights


def _length(entry: Objective, model: Model) -> int | None:
    """The full length at which a network answers (SPEC 4.2), or None: the conventional path."""
    return model.config.lengths[-1] if entry.inner_ode and LENGTH_TABLE in model.weights else None


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _target(entry: Objective, networks: tuple, guidance: float, phase: int, weights, x0, x1, t, y, d, epsilon):
    def answer(name, structure, length):
        return lambda x, t, d, y: held.field(structure, weights[name], length, d, y)(x, t)

    of_flow = entry.flow.path(x0, x1, over_image(t), epsilon) if entry.flow else None
    if not (networks and entry.consistency):
        return of_flow
    answers = {name: answer(name, structure, length) for name, structure, length in networks}
    null = networks[0][1].config.classes
    of_networks = entry.consistency.target(Given(x0, x1, t, y, null, answers, guidance, phase, d))
    if not (of_flow and entry.chooses_d):
        return of_networks
    return tuple(jnp.where(over_image(d) == FINEST_D, *pair) for pair in zip(of_flow, of_networks, strict=True))

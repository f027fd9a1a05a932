"""The latency study (SPEC 6): how long networks of the paper's sizes take, and what they hold, with random weights.

How long a network takes does not depend on its weights' values, so nothing has to be trained for it.
"""

import jax

from odelt import operations
from odelt.config import Latency
from odelt.config.latency_study import LatencyStudy, Studied
from odelt.errors import OdeltError
from odelt.evaluation import latency
from odelt.model import Model
from odelt.model.weights import initial_weights


def measure(study: LatencyStudy, name: str, length: int | None) -> dict:
    """Of one network at one length (None: SM's conventional path), plain data: a point per solver of the study.

    `weight_bytes` is what the program holds of weights; `flops` are a batch's operations.

    Raises:
        OdeltError: the study has no such network, or the network no such length.
    """
    studied = _studied(study, name, length)
    network = studied.network
    model = _random(study, studied, length)
    settings = [latency.Setting(solver, studied.guidance, None) for solver in study.solvers]
    timing = Latency(batch_size=studied.batch_size, repeats=study.repeats)
    points = latency.measure(model, length, settings, timing)
    of_image = [operations.generation(network, length, solver, studied.guidance) for solver in study.solvers]
    return {
        "network": name,
        "length": length,
        "effective_blocks": network.effective_blocks(length),
        "batch_size": studied.batch_size,
        "repeats": study.repeats,
        "dtype": study.dtype,
        "device": latency.device_name(),
        "weight_bytes": sum(leaf.nbytes for leaf in jax.tree.leaves(model.held_for(length))),
        "points": [
            point | {"flops": studied.batch_size * flops} for point, flops in zip(points, of_image, strict=True)
        ],
    }


def operations_of(study: LatencyStudy, name: str, length: int | None) -> float:
    """Floating-point operations of `measure`."""
    studied = _studied(study, name, length)
    once = sum(operations.generation(studied.network, length, solver, studied.guidance) for solver in study.solvers)
    return (1 + study.repeats) * studied.batch_size * once


def _studied(study: LatencyStudy, name: str, length: int | None) -> Studied:
    if name not in study.networks:
        raise OdeltError(f"the latency study has no network '{name}'; it has {', '.join(study.networks)}")
    if length is not None:
        study.networks[name].network.check_length(length)
    return study.networks[name]


def _random(study: LatencyStudy, studied: Studied, length: int | None) -> Model:
    """Fresh weights, of the blocks that act; SM's network has no length table."""
    weights = jax.device_get(initial_weights(studied.network, study.seed, length_table=length is not None))
    blocks = studied.network.effective_blocks(length)
    acting = jax.tree.map(lambda w: w[:blocks], weights["blocks"])
    return Model(studied.network, {**weights, "blocks": acting}, study.dtype)

"""The latency study (SPEC 6): how long networks of the paper's sizes take, and what they hold, with random weights."""

from odelt import operations
from odelt.config import Latency
from odelt.config.latency_study import LatencyStudy, Studied
from odelt.errors import OdeltError
from odelt.evaluation import latency
from odelt.layout.grid import ProgramKey


def measure(study: LatencyStudy, name: str) -> dict:
    """Times one network of the study: SM's conventional path and every length, with every solver, in rounds.

    Raises:
        OdeltError: the study has no such network.
    """
    studied = _studied(study, name)
    timing = Latency(batch_size=studied.batch_size, repeats=study.repeats, seconds=study.seconds)
    timed = latency.measure(studied.network, _programs(study, studied), timing, study.dtype, study.seed)
    return {"network": name, **timed}


def operations_of(study: LatencyStudy, name: str) -> float:
    """Floating-point operations of `measure`, with the fewest rounds."""
    studied = _studied(study, name)
    of_image = (
        operations.generation(studied.network, each.length, each.solver, each.guidance)
        for each in _programs(study, studied)
    )
    return (1 + study.repeats) * studied.batch_size * sum(of_image)


def _programs(study: LatencyStudy, studied: Studied) -> list[ProgramKey]:
    lengths = (None, *studied.network.lengths)
    guided = studied.guidance not in (0, 1)
    return [ProgramKey(length, solver, guided) for length in lengths for solver in study.solvers]


def _studied(study: LatencyStudy, name: str) -> Studied:
    if name not in study.networks:
        raise OdeltError(f"the latency study has no network '{name}'; it has {', '.join(study.networks)}")
    return study.networks[name]

"""Devices for a benchmark: one, several GPUs, or virtual devices of a CPU."""

import common  # noqa: F401  finds odelt where it is not installed
import jax

from odelt.errors import OdeltError
from odelt.evaluation.latency import device_name
from odelt.machine import devices, process
from odelt.machine.sharding import Placement, make_placement


def prepare(count: int = 1) -> None:
    """Before anything is computed: memory as for the commands, virtual devices where the CPU is all there is."""
    process.keep_freed_memory()
    jax.config.update("jax_num_cpu_devices", count)
    devices.start_jax(())


def on(count: int) -> Placement:
    """The first `count` devices, a batch's rows spread over them."""
    found = jax.devices()
    if count > len(found):
        raise OdeltError(f"--devices {count}: this machine has {len(found)} ({device_name()}); ask for no more")
    return make_placement("data", found[:count])


def sharing_one_machine(place: Placement) -> int:
    """How many devices have rates of their own: virtual ones of a CPU share its cores."""
    return 1 if jax.devices()[0].platform == "cpu" else place.devices

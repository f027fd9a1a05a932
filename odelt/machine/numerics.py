"""How JAX computes, whatever the surroundings say: the settings that change numbers, pinned to JAX's own defaults.

JAX takes its settings from variables of the environment (`JAX_ENABLE_X64=1`) and from what a process has set before.
Commands pin them for their process. The library's functions pin them while they run, and leave their user's alone.
What is not pinned here is recorded (`odelt.provenance.environment`).
"""

import contextlib
import os
import sys
from collections.abc import Iterator

from odelt.errors import OdeltError
from odelt.quoting import one_line, printable

PRNG = "threefry2x32"  # JAX's random numbers; keys are made with it explicitly
PINNED_IN_FUNCTIONS = {
    "jax_enable_x64": False,
    "jax_default_matmul_precision": None,
    "jax_numpy_dtype_promotion": "standard",
    "jax_numpy_rank_promotion": "allow",
}
PINNED = PINNED_IN_FUNCTIONS | {
    "jax_default_prng_impl": PRNG,
    "jax_threefry_partitionable": True,
    "jax_random_seed_offset": 0,
    "jax_enable_custom_prng": False,
    "jax_softmax_custom_jvp": False,
    "jax_use_direct_linearize": True,
    "jax_compiler_enable_remat_pass": True,
    "jax_disable_jit": False,
    "jax_debug_nans": False,  # a loss that is not finite has its own message
    "jax_debug_infs": False,
}


def pin_process() -> None:
    """Pins the settings of this process. A setting that was another one is named on stderr.

    Raises:
        OdeltError: JAX refuses a variable of the environment.
    """
    try:
        import jax
    except ValueError as error:  # JAX reads its variables when it is imported
        raise OdeltError(f"JAX refuses a variable of the environment: {one_line(error)}; unset it") from None
    values = jax.config.values
    ignored = [name for name, value in PINNED.items() if values[name] != value]
    for name in ignored:
        variable = name.upper()
        origin = f"{variable}={printable(os.environ[variable], 80)}" if variable in os.environ else name
        print(f"odelt: {origin} has no effect: this project computes with {name}={PINNED[name]}", file=sys.stderr)
    for name, value in PINNED.items():
        jax.config.update(name, value)


@contextlib.contextmanager
def pinned() -> Iterator[None]:
    """Pins what the library's functions depend on, for a block or a decorated function, in this thread only."""
    import jax

    with contextlib.ExitStack() as settings:
        for name, value in PINNED_IN_FUNCTIONS.items():
            settings.enter_context(getattr(jax, name.removeprefix("jax_"))(value))
        yield

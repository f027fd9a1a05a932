"""ODE_t(ODE_l): shortcutting the time and the length of diffusion and flow models, reproduced.

The functions below are the library's front door; they are imported on first use, so that `import odelt`
costs nothing and needs neither jax nor a device.
"""

from typing import TYPE_CHECKING, Any

from odelt.errors import OdeltError
from odelt.version import __version__

if TYPE_CHECKING:
    from odelt.model import load_model, velocity
    from odelt.sampling import integrate
    from odelt.training.target import target

__all__ = ["OdeltError", "__version__", "integrate", "load_model", "target", "velocity"]


def __getattr__(name: str) -> Any:
    if name == "load_model":
        from odelt.model import load_model

        return load_model
    if name == "velocity":
        from odelt.model import velocity

        return velocity
    if name == "integrate":
        from odelt.sampling import integrate

        return integrate
    if name == "target":
        from odelt.training.target import target

        return target
    raise AttributeError(f"module 'odelt' has no attribute {name!r}")

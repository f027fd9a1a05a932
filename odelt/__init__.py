"""ODE_t(ODE_l): shortcutting the time and the length of diffusion and flow models, reproduced.

The three functions below are the library's front door; they are imported on first use, so that `import odelt`
costs nothing and needs neither jax nor a device.
"""

import importlib

from odelt.errors import OdeltError

_HOME = {"load_model": "odelt.model", "velocity": "odelt.model", "integrate": "odelt.sampling"}
__all__ = [*_HOME, "OdeltError"]
__version__ = "0.1.0"


def __getattr__(name: str):
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'odelt' has no attribute {name!r}")

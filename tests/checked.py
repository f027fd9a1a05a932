"""Whoever imports this has annotations checked at each call, the shapes of arrays included: by beartype, as the import
hook of jaxtyping asks it. It comes before the import of what is checked.
"""

import beartype
import jaxtyping

# By module. Not `odelt.model`, `arguments` and `weights`: they check in words what a user gives, and tests give them
# values of every wrong type.
ROOMS = (
    "odelt.data.gaussian",
    "odelt.evaluation.frechet",
    "odelt.evaluation.statistics",
    "odelt.model.dit",
    "odelt.model.held",
    "odelt.model.inner_ode",
    "odelt.model.runs",
    "odelt.objectives",
    "odelt.sampling",
    "odelt.training",
)
IN_WORDS = ("integrate", "label_numbers", "program")  # functions of these rooms that do the same
CONF = beartype.BeartypeConf(is_pep484_tower=True)  # an int may stand for a float


def checked(function):
    """The function, with its arguments and its result checked."""
    return function if function.__name__ in IN_WORDS else beartype.beartype(function, conf=CONF)


jaxtyping.install_import_hook(ROOMS, f"{__name__}.{checked.__name__}")

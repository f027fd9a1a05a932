"""Fields whose value is an objective or a rule of time consistency, written as its name."""

from typing import Annotated

import pydantic

from odelt.config.parsing import entry_of
from odelt.objectives import BOOTSTRAPS, OBJECTIVES, Bootstrap, Objective

ObjectiveField = Annotated[pydantic.InstanceOf[Objective], *entry_of(OBJECTIVES)]
BootstrapField = Annotated[pydantic.InstanceOf[Bootstrap], *entry_of(BOOTSTRAPS)]

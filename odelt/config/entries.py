"""Fields whose value is an entry of a table: an objective, a rule of time consistency or a kind of dataset."""

from typing import Annotated

import pydantic

from odelt.config.parsing import entry_of
from odelt.kinds import KINDS, Kind
from odelt.objectives import BOOTSTRAPS, OBJECTIVES, Bootstrap, Objective

ObjectiveField = Annotated[pydantic.InstanceOf[Objective], *entry_of(Objective, OBJECTIVES)]
BootstrapField = Annotated[pydantic.InstanceOf[Bootstrap], *entry_of(Bootstrap, BOOTSTRAPS)]
KindField = Annotated[pydantic.InstanceOf[Kind], *entry_of(Kind, KINDS)]

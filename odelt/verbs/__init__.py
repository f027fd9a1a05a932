"""Every verb of the command line, described once; executes nothing."""

from odelt.verbs import data, evaluation, latency_study, provenance, publishing, sampling, sources, suite, training
from odelt.verbs.verb import Verb

ROOMS = (sources, data, training, sampling, evaluation, latency_study, publishing, provenance, suite)
VERBS: dict[str, Verb] = {verb.name: verb for room in ROOMS for verb in room.VERBS}


def verb_named(name: str) -> Verb:
    """The verb of this name. A name that this version does not know, as in another's record, has no properties."""
    return VERBS.get(name) or Verb(name, help="")


def verb_of_rule(rule: str) -> Verb | None:
    """The verb that a rule calls; None where it calls none (`all`, say)."""
    return next((verb for verb in VERBS.values() if verb.is_called_by(rule)), None)

"""The latency study: measurements on random weights, and their table."""

from odelt.config import Length
from odelt.errors import OdeltError
from odelt.layout import paths
from odelt.layout.targets import Target, UnknownTarget
from odelt.verbs.verb import Values, Verb


def of_measurement(target: Target) -> Values:
    """By the path `<network>/programs.json`, or `<network>/<length>.json` of older versions."""
    try:
        network, file = target.parts
        if file == paths.PROGRAMS:
            return {"network": network}
        return {"network": network, "length": Length.parse(file.removesuffix(".json").removeprefix("l")).blocks}
    except (ValueError, OdeltError):
        raise UnknownTarget(target.path) from None


VERBS = (
    Verb(
        "latency-snapshot",
        title="Kept copy",
        help="keep the latency study's configuration and the published numbers with its results",
        outputs=(paths.STUDY, paths.PUBLISHED),
        copies=True,
        of_study=True,
        memory=1000,
        minutes=10,
    ),
    Verb(
        "latency-study",
        title="Latency",
        help="time a network with random weights at every length",
        gpu=True,
        memory=16000,
        parameters=of_measurement,
        of_study=True,
    ),
    Verb(
        "latency-table",
        title="Table",
        help="table and figure of the latency study, from whatever has been measured",
        outputs=paths.TABLES_OF_STUDY,
        of_study=True,
    ),
)

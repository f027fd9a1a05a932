"""Tables and figures."""

from odelt.layout import paths
from odelt.layout.targets import Target
from odelt.verbs.verb import WITHIN, Values, Verb


def of_experiment(target: Target) -> Values:
    results = WITHIN.experiment(target.experiment_name).root
    return {"experiment": target.experiment_name, "settings": target.experiment, "results": results}


def with_sources(target: Target) -> Values:
    """A table says of downloads what the suite says of them, and which of them nobody has vouched for."""
    sources = paths.sources_of_experiment(target.experiment)
    note = target.configured.downloads.note if sources else None
    return {**of_experiment(target), "note": note, "source": sources or None}


def of_all(target: Target) -> Values:
    enabled = target.configured.enabled
    return {"experiment": list(enabled), "settings": list(enabled.values()), "results": WITHIN.root}


def files(*names: str, endings: tuple[str, ...] = paths.TABLE_ENDINGS) -> tuple[str, ...]:
    return tuple(f"{name}.{ending}" for name in names for ending in endings)


VERBS = (
    Verb(
        "tables",
        title="Table",
        help="tables of an experiment from whatever has been scored",
        outputs=files(paths.GRID, paths.TRADE_OFF),
        parameters=with_sources,
    ),
    Verb(
        "main-table",
        title="Table",
        help="the paper's table from whatever has been scored",
        outputs=files(paths.MAIN),
        parameters=with_sources,
    ),
    Verb(
        "figures",
        title="Figure",
        help="figures of an experiment from whatever has been made",
        outputs=files(*paths.FIGURES_OF_EXPERIMENT, endings=paths.FIGURE_ENDINGS),
        parameters=of_experiment,
    ),
    Verb(
        "claims",
        title="Claims",
        help="check the abstracts' claims against whatever has been scored",
        outputs=files(paths.CLAIMS),
        parameters=of_all,
    ),
    Verb(
        "verdicts",
        title="Verdicts",
        help="compare every published number with whatever has been scored",
        outputs=files(paths.VERDICTS, endings=(*paths.TABLE_ENDINGS, "json")),
        parameters=of_all,
    ),
    Verb(
        "expect",
        title="Expected numbers",
        help="write a finished run's numbers as those that later runs are compared with",
    ),
)

"""Tables and figures, from whatever has been made."""

from odelt.commands import options
from odelt.config import Experiment, parse_json, suite_named
from odelt.errors import OdeltError
from odelt.layout import grid, paths
from odelt.layout.paths import ExperimentPaths, SuitePaths


def tables(a):
    from odelt.publishing import pages, tables

    rows, published = _rows(a)
    tables.write_grid(rows, published, a.out / paths.GRID, _note(a))
    tables.write_trade_off(rows, published, a.out / paths.TRADE_OFF)
    for name in (paths.GRID, paths.TRADE_OFF):
        pages.write_page(a.out / f"{name}.md")


def main_table(a):
    from odelt.publishing import main_table, pages

    main_table.write_main(*_rows(a, grid.main_points), a.out / paths.MAIN, _note(a))
    pages.write_page(a.out / f"{paths.MAIN}.md")


def claims(a):
    """Checks the claims over all experiments together, because a claim says "up to"."""
    from odelt.publishing import pages
    from odelt.publishing.claims_table import write_claims
    from odelt.results.claims import check_claims

    rows, published = _rows_of_all(a)
    write_claims(check_claims(rows, published), a.out / paths.CLAIMS)
    pages.write_page(a.out / f"{paths.CLAIMS}.md")


def verdicts(a):
    from odelt.publishing import pages, verdict_table

    verdict_table.write_verdicts(*_rows_of_all(a), a.out / paths.VERDICTS)
    pages.write_page(a.out / f"{paths.VERDICTS}.md")


def expect(a):
    from odelt.results import expectations

    with options.telling_replaced(a.out):
        expectations.write_expectations(a.suite, suite_named(a.suite), a.results, a.out)


def figures(a):
    from odelt.publishing import figures, pictures, sample_figure
    from odelt.results import published_grid
    from odelt.results.columns import FLOPS
    from odelt.results.row import over_seeds

    rows, published = _rows(a)
    of_seeds, curves = over_seeds(rows), list(published_grid.curves(rows, published))
    figures.scaling(of_seeds, a.out / paths.SCALING, curves)
    figures.scaling(of_seeds, a.out / paths.SCALING_FLOPS, over=FLOPS)
    experiment, layout = parse_json(Experiment, a.settings, "--settings"), ExperimentPaths(a.results)
    sample_figure.sample_grid(*pictures.sample_cells(experiment, layout), a.out / paths.PICTURE_GRID)
    trained = grid.trained_runs(experiment)
    several = {run.model for run in trained if run.name != run.model}
    labels = {run.name: f"{run.label}, seed {run.seed}" if run.model in several else run.label for run in trained}
    figures.training_curves({labels[run.name]: layout.curve(run.name) for run in trained}, a.out / paths.TRAINING)


def _rows(a, choose=None):
    """Returns the rows of the experiment's points that `choose` selects, and the published numbers (None: none)."""
    from odelt.results.references import load_references
    from odelt.results.rows import rows

    published = load_references(a.published) if a.published else None
    experiment = parse_json(Experiment, a.settings, "--settings")
    chosen = choose(experiment) if choose else None
    return rows(a.experiment, experiment, ExperimentPaths(a.results), chosen), published


def _rows_of_all(a):
    """Returns the rows of all experiments, and the published numbers."""
    from odelt.results.references import load_references
    from odelt.results.rows import rows

    if len(a.experiment) != len(a.settings):
        raise OdeltError(f"{len(a.experiment)} experiments, but {len(a.settings)} settings")
    published = load_references(a.published)
    all_rows = []
    for name, text in zip(a.experiment, a.settings, strict=True):
        experiment = parse_json(Experiment, text, "--settings")
        all_rows += rows(name, experiment, ExperimentPaths(a.results / name))
    return all_rows, published


def _note(a) -> str:
    """Returns the notes on the sources: digests that nobody has vouched for, and the results of comparing sources."""
    from odelt.publishing import text
    from odelt.publishing.notes import on_precision, on_references, on_trust

    experiment = parse_json(Experiment, a.settings, "--settings")
    parts = [text.plain(a.note or ""), on_trust(a.lock, a.source or ()) if a.lock else ""]
    if experiment.codec:
        parts.append(on_references(ExperimentPaths(a.results).references))
        parts.append(on_precision(SuitePaths(a.results.parent).codec_error(experiment.dataset), experiment.codec))
    return " ".join(part for part in parts if part)


def register(verb):
    of_experiment = {
        "experiment": options.text(metavar="NAME"),
        "settings": options.SETTINGS,
        "results": options.path(metavar="DIR", help="the experiment's results"),
        "published": options.path(default=None, metavar="FILE", help="published numbers to compare with"),
        "out": options.OUT_DIR,
    }
    lock = {
        "note": options.text(default=None, help="a sentence for the end of each table"),
        "lock": options.path(default=None, metavar="FILE", help="digests of what was downloaded"),
        "source": options.text(default=None, action="append", metavar="NAME", help="one of them; may be repeated"),
    }
    verb("tables", tables, **of_experiment, **lock)
    verb("main-table", main_table, **of_experiment, **lock)
    verb("figures", figures, **of_experiment)
    several = {"action": "append", "help": "may be repeated"}
    results = options.path(metavar="DIR", help="the suite's results")
    of_suite = {
        "experiment": options.text(metavar="NAME") | several,
        "settings": options.SETTINGS | several,
        "results": results,
        "published": options.path(metavar="FILE", help="published numbers and claims"),
        "out": options.OUT_DIR,
    }
    verb("claims", claims, **of_suite)
    verb("verdicts", verdicts, **of_suite)
    verb(
        "expect",
        expect,
        suite=options.text(metavar="NAME"),
        results=results,
        out=options.OUT | {"help": "what the key `published` of a suite may name"},
    )

"""The latency study: measurements on random weights, and their table."""

from odelt.commands import options
from odelt.config import parse_json, subfolders
from odelt.config.latency_study import LatencyStudy


def snapshot(a):
    from odelt.audit import snapshot

    snapshot.keep_study(a.study, a.published, a.out)


def measure(a):
    """One network, on SM's path and at every length."""
    from odelt.machine import devices

    claimed = devices.claim()
    study = parse_json(LatencyStudy, a.settings, "--settings")
    devices.start_jax(claimed)
    from odelt.evaluation import latency_study

    devices.check(latency_study.operations_of(study, a.network), claimed)
    options.write_json(a.out, latency_study.measure(study, a.network))


def tables(a):
    from odelt.publishing import latency_table, pages
    from odelt.results import latency_study
    from odelt.results.references import load_references

    study = parse_json(LatencyStudy, a.settings, "--settings")
    rows = list(latency_study.rows(study, a.results, load_references(a.published)))
    latency_table.write(rows, a.out / subfolders.LATENCY)
    latency_table.figure(rows, a.out / subfolders.LATENCY)
    pages.write_page(a.out / f"{subfolders.LATENCY}.md")


def register(verb):
    settings = options.text(metavar="FILE", help="the study, as config/latency.yaml (or as JSON)")
    published = options.path(metavar="FILE", help="published numbers to compare with")
    verb(
        "latency-snapshot",
        snapshot,
        study=options.path(metavar="FILE", help="the study"),
        published=published,
        out=options.OUT_DIR | {"help": "the study's results"},
    )
    verb(
        "latency-study",
        measure,
        settings=settings,
        network=options.text(metavar="NAME", help="one of the study's"),
        out=options.OUT,
    )
    verb(
        "latency-table",
        tables,
        settings=settings,
        results=options.path(metavar="DIR", help="the study's results"),
        published=published,
        out=options.OUT_DIR,
    )

"""What an audit needs, and what it gives."""

from odelt.layout import paths
from odelt.layout.targets import Target
from odelt.verbs.verb import WITHIN, Values, Verb


def of_suite(target: Target) -> Values:
    return {"suite": target.suite_name}


def with_results(target: Target) -> Values:
    return {**of_suite(target), "results": WITHIN.root}


VERBS = (
    Verb(
        "snapshot",
        title="Kept copy",
        help="keep a suite's configuration, lock, registry and published numbers with its results",
        outputs=(paths.SUITE, paths.LOCK, paths.REGISTRY, paths.PUBLISHED),
        parameters=of_suite,
        copies=True,
        memory=1000,
        minutes=10,
    ),
    Verb(
        "crate",
        title="Crate",
        help="describe a suite's results and the jobs that made them as an RO-Crate (Provenance Run Crate)",
        parameters=with_results,
    ),
    Verb(
        "audit-page",
        title="Audit page",
        help="write the page on which every published number leads back to its sources, from an audit of the suite",
        parameters=with_results,
        minutes=240,
    ),
    Verb(
        "audit",
        help="follow results back to their sources, hash by hash; exit status 0: all is verified; 1: something is not; "
        "3: it is of no suite and its origin is outside, and all the rest is verified",
    ),
)

"""Auditing what a suite's folder holds, and keeping there what an audit needs."""

import sys

from odelt.commands import kinds, options


def snapshot(a):
    from odelt.provenance import snapshot

    snapshot.keep(a.suite, a.out)


def crate(a):
    from odelt.provenance import crate

    crate.write(a.suite, a.results, a.out)


def audit(a):
    import json

    from odelt.provenance import audit, staleness

    audits = audit.audit(a.paths)
    stale = staleness.stale(audits, a.against) if a.against else []
    if a.json:
        content = {"folders": [one.data() for one in audits]}
        if a.against:
            content["stale"] = [one.data() for one in stale]
        print(json.dumps(content, indent=1))
    else:
        for one in audits:
            print("\n".join(one.lines()))
            print(one.summary())
        if a.against:
            print("\n".join(staleness.told(stale)))
    problems = [line for one in audits for line in one.problems]
    if a.expect:
        problems += [
            f"{one.place}: the digest is {one.digest}, not {a.expect} as expected"
            for one in audits
            if one.digest != a.expect
        ]
    for line in problems:
        print(f"odelt: {line}", file=sys.stderr)
    return 1 if problems or stale else 0


def audit_page(a):
    from odelt.provenance import page

    page.write(a.suite, a.results, a.out)


def register(verb):
    verb(
        "snapshot",
        snapshot,
        "keep a suite's configuration, lock, registry and published numbers with its results",
        suite=options.text(metavar="NAME"),
        out=options.path(metavar="DIR", help="the suite's results"),
    )
    verb(
        "crate",
        crate,
        "describe a suite's results and the jobs that made them as an RO-Crate (Provenance Run Crate)",
        suite=options.text(metavar="NAME"),
        results=options.path(metavar="DIR", help="the suite's results"),
        out=options.path(metavar="DIR", help="what is written"),
    )
    verb(
        "audit",
        audit,
        "follow results back to their sources, hash by hash; exit status 1 if anything is not verified",
        PATHS={"nargs": "+", "type": kinds.path, "metavar": "PATH", "help": "a file, or a folder of the results"},
        json={"action": "store_true", "help": "as JSON"},
        against=options.path(default=None, metavar="DIR", help="also tell what is stale against this checkout"),
        expect=options.text(default=None, metavar="DIGEST", help="the digest that the suite's folder should have"),
    )
    verb(
        "audit-page",
        audit_page,
        "write the page on which every published number leads back to its sources, from an audit of the suite",
        suite=options.text(metavar="NAME"),
        results=options.path(metavar="DIR", help="the suite's results"),
        out=options.path(metavar="FILE", help="the page; the audit's outcome in brief is written beside it, as .yaml"),
    )

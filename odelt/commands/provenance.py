"""Auditing what a suite's folder holds, and keeping there what an audit needs."""

import sys

from odelt.commands import kinds, options
from odelt.quoting import printable


def snapshot(a):
    from odelt.audit import snapshot

    snapshot.keep(a.suite, a.out)


def crate(a):
    from odelt.audit import crate

    crate.write(a.suite, a.results, a.out)


def audit(a):
    import json

    from odelt.audit import audit, staleness

    audits = audit.audit(a.paths)
    stale, not_compared = staleness.stale(audits, a.against) if a.against else ([], [])
    if a.json:
        content = {"folders": [audited.data() for audited in audits]}
        if a.against:
            content |= {"stale": [output.data() for output in stale], "not_compared": not_compared}
        print(json.dumps(content, indent=1))
    else:
        for audited in audits:
            lines = audited.lines() if a.tree else audited.brief()
            print("\n".join([*lines, *audited.summary()]))
        if a.against:
            print("\n".join([*not_compared, *staleness.report(stale)]))
    problems = [line for audited in audits for line in (audited.problems if a.tree or a.json else audited.causes)]
    if a.expect:
        problems += [
            f"{audited.folder_name}: the digest is {audited.digest}, not {printable(a.expect)} as expected"
            for audited in audits
            if audited.digest != a.expect
        ]
    for line in problems:
        print(f"odelt: {line}", file=sys.stderr)
    return audit.NOT_VERIFIED if problems or stale else audit.status(audits)


def audit_page(a):
    from odelt.audit import page

    page.write(a.suite, a.results, a.out)


def register(verb):
    verb(
        "snapshot",
        snapshot,
        suite=options.text(metavar="NAME"),
        out=options.OUT_DIR | {"help": "the suite's results"},
    )
    verb(
        "crate",
        crate,
        suite=options.text(metavar="NAME"),
        results=options.path(metavar="DIR", help="the suite's results"),
        out=options.OUT_DIR,
    )
    verb(
        "audit",
        audit,
        PATHS={"nargs": "+", "type": kinds.path, "metavar": "PATH", "help": "a file, or a folder of the results"},
        json={"action": "store_true", "help": "as JSON"},
        tree={"action": "store_true", "help": "every file with what it was made from, and every problem"},
        against=options.path(default=None, metavar="DIR", help="also tell what is stale against this checkout"),
        expect=options.text(default=None, metavar="DIGEST", help="the digest that the suite's folder should have"),
    )
    verb(
        "audit-page",
        audit_page,
        suite=options.text(metavar="NAME"),
        results=options.path(metavar="DIR", help="the suite's results"),
        out=options.OUT | {"help": "the page; the audit's outcome in brief is written beside it, as .yaml"},
    )

"""What people ask of a whole suite: its cost, what is missing, what a valid one is; and to tidy up after it."""

from odelt.config import configured, suite_named
from odelt.errors import OdeltError
from odelt.quoting import printable


def plan(a):
    from odelt.planning import plan

    name = a.suite or configured()
    print(plan.plan(name, suite_named(name), a.gpu, a.targets))


def doctor(a):
    from odelt.machine import surroundings
    from odelt.planning import cluster, doctor, plan

    name = a.suite or configured()
    suite = suite_named(name)
    if a.online:
        return _online(suite)
    # What Snakemake itself needs comes first: without it Snakemake cannot say which jobs it would run.
    missing = surroundings.missing()
    if not missing:
        jobs = plan.asked(name, a.targets)
        doctor.warn(suite, jobs)
        missing = doctor.missing(suite, jobs, gpu=not a.profile)
        missing += cluster.missing(a.profile) if a.profile else []
    print("\n".join(missing) if missing else "nothing is missing")
    return 1 if missing else 0


def _online(suite):
    """Prints what the hosts say of every source; they are not asked for what this machine has."""
    from odelt.config.registry import load_registry
    from odelt.sources import fetch

    downloads = suite.downloads
    with fetch.network(downloads.proxy, downloads.certificate):
        try:
            from odelt.sources import online
        except ModuleNotFoundError as error:
            raise OdeltError(f"--online needs the package {error.name}; `make env-full` installs it") from None
        lines = online.ask(load_registry(downloads.registry))
    for line in lines:
        print(printable(line.text))
    return 0 if all(line.there for line in lines) else 1


def clean(a):
    from odelt.planning import clean

    name = a.suite or configured()
    for line in clean.clean(name, suite_named(name), remove=a.yes):
        print(printable(line))


def schema(a):
    from odelt.config import documentation

    if a.write:
        documentation.write()
    else:
        print(documentation.schema(), end="")


def register(verb):
    suite = {"metavar": "NAME", "help": "a suite in config/; the configured one without"}
    targets = {"nargs": "*", "metavar": "TARGET", "help": "what would be made; everything without"}
    gpu = {"choices": ["h100", "h200", "a100", "rtx4090"], "default": "h100", "help": "whose hours are reckoned"}
    verb("plan", plan, TARGETS=targets, suite=suite, gpu=gpu)
    verb(
        "doctor",
        doctor,
        TARGETS=targets,
        suite=suite,
        online={
            "action": "store_true",
            "help": "ask the network instead, about every source: is it there, how large, under which name; "
            "downloads nothing",
        },
        profile={"metavar": "NAME", "help": "jobs are sent to a cluster with profiles/NAME: check that too"},
    )
    verb(
        "clean",
        clean,
        suite=suite,
        yes={"action": "store_true", "help": "remove it"},
    )
    write = {"action": "store_true", "help": "write it, and the tables of config/README.md, into the project's files"}
    verb("schema", schema, write=write)

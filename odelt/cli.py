"""The command line: one verb per rule of the workflow, and the few that people type; `odelt.commands` has them."""

import argparse
import contextlib
import os
import pathlib
import signal
import sys

from odelt import __version__, process
from odelt.commands import data, evaluation, latency_study, provenance, publishing, sampling, sources, suite, training
from odelt.errors import OdeltError
from odelt.provenance.recording import recording

USER_ERROR = 2
ROOMS = (sources, data, training, sampling, evaluation, latency_study, publishing, provenance, suite)


class Parser(argparse.ArgumentParser):
    """Errors are one line and exit status 2."""

    def error(self, message):
        self.exit(USER_ERROR, f"{self.prog}: {message}\n")


def main(argv: list[str] | None = None) -> int:
    try:
        process.prepare()
        arguments = parser().parse_args(argv)
        with process.logging_to(arguments.log) if arguments.log else contextlib.nullcontext():
            return _run(arguments)
    except OdeltError as error:
        print(f"odelt: {error}", file=sys.stderr)
        return USER_ERROR


def _run(arguments: argparse.Namespace) -> int:
    """The verb's exit status; what went wrong is one line."""
    try:
        with process.printing(), recording(arguments) as outcome:
            outcome.status = arguments.verb(arguments) or 0
        return outcome.status
    except OdeltError as error:
        print(f"odelt: {error}", file=sys.stderr)
        return USER_ERROR
    except BrokenPipeError:  # who reads what is printed has seen enough (`| head`)
        process.print_nowhere()
        return 0
    except KeyboardInterrupt:
        print("odelt: interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    except Exception as error:
        if os.environ.get("ODELT_TRACEBACK"):
            raise
        told = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"odelt: a fault of the program: {told} (ODELT_TRACEBACK=1 shows where)", file=sys.stderr)
        return USER_ERROR


def parser() -> Parser:
    top = Parser(prog="odelt", description="ODE_t(ODE_l): sampling with fewer time steps and fewer blocks.")
    top.add_argument("--version", action="version", version=__version__)
    top.add_argument("--log", type=pathlib.Path, metavar="FILE", help="also write messages and errors to this file")
    verbs = top.add_subparsers(required=True, metavar="VERB", parser_class=Parser)

    def verb(name, function, help, **options):
        """Adds a verb; an option in capitals is an argument by its place."""
        p = verbs.add_parser(name, help=help, description=help)
        p.set_defaults(verb=function, command=name)
        for option, settings in options.items():
            flag = option.lower() if option.isupper() else f"--{option.replace('_', '-')}"
            p.add_argument(flag, **settings)

    for room in ROOMS:
        room.register(verb)
    return top

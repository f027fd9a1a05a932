"""The command line: one verb per rule of the workflow, and the few that people type; `odelt.commands` has them."""

import argparse
import contextlib
import itertools
import os
import signal
import sys
from collections.abc import Iterable
from typing import Any

from odelt import __version__
from odelt.commands import (
    data,
    evaluation,
    kinds,
    latency_study,
    provenance,
    publishing,
    sampling,
    sources,
    suite,
    training,
)
from odelt.config import nearest
from odelt.errors import OdeltError
from odelt.machine import process
from odelt.provenance.recording import recording
from odelt.quoting import one_line, printable, quoted
from odelt.verbs import VERBS

USER_ERROR = 2
HELP = "; --help lists them"
ROOMS = (sources, data, training, sampling, evaluation, latency_study, publishing, provenance, suite)


class Parser(argparse.ArgumentParser):
    """Errors are one line and exit status 2; a misspelt word is told with the nearest one.

    An option is written out: what is short today may mean another option tomorrow.
    """

    def __init__(self, **settings):
        self.flags: list[str] = []
        super().__init__(**settings, allow_abbrev=False)

    def add_argument(self, *flags, **settings):
        self.flags += [flag for flag in flags if flag.startswith("--")]
        return super().add_argument(*flags, **settings)

    # One function for argparse's three overloads, which the type checker holds for another one.
    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, args: Iterable[str] | None = None, namespace: Any = None
    ) -> Any:
        """A misspelt option is often a missing one too: the spelling is what helps."""
        for word in self._own(sys.argv[1:] if args is None else args):
            flag = word.partition("=")[0]
            if flag.startswith("--") and flag != "--" and " " not in flag and flag not in self.flags:
                self.error(f"unknown option {quoted(flag)}{nearest(flag, self.flags) or HELP}")
        return super().parse_known_args(args, namespace)

    def _own(self, args: Iterable[str]) -> Iterable[str]:
        """The words that this parser reads, and not that of a verb."""
        verbs = next((action.choices or () for action in self._actions if action.nargs == argparse.PARSER), ())
        return itertools.takewhile(lambda word: word not in verbs, args)

    def _check_value(self, action, value):
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            is_verb = action.nargs == argparse.PARSER
            rest = HELP if is_verb else f"; known are {', '.join(known)}"
            what = f"unknown {'verb' if is_verb else 'value'} {quoted(value)}"
            raise argparse.ArgumentError(None if is_verb else action, f"{what}{nearest(value, known) or rest}")

    def error(self, message):
        self.exit(USER_ERROR, printable(f"{self.prog}: {message}") + "\n")


def main(argv: list[str] | None = None) -> int:
    try:
        process.prepare()
        arguments = parser().parse_args(argv)
        with process.logging_to(arguments.log) if arguments.log else contextlib.nullcontext(lambda _: None) as ended:
            status = _run(arguments)
            ended(status)
            return status
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
    except KeyboardInterrupt as interrupted:
        by = f" by {interrupted}" if str(interrupted) else ""
        print(f"odelt: interrupted{by}; type the same command again", file=sys.stderr)
        return 128 + signal.SIGINT
    except Exception as error:
        if os.environ.get("ODELT_TRACEBACK"):
            raise
        what = one_line(f"{type(error).__name__}: {error}")
        print(f"odelt: a fault of the program: {what} (ODELT_TRACEBACK=1 shows where)", file=sys.stderr)
        return USER_ERROR


def parser() -> Parser:
    top = Parser(prog="odelt", description="ODE_t(ODE_l): sampling with fewer time steps and fewer blocks.")
    top.add_argument("--version", action="version", version=__version__)
    top.add_argument("--log", type=kinds.path, metavar="FILE", help="also write messages and errors to this file")
    verbs = top.add_subparsers(required=True, metavar="VERB", parser_class=Parser)

    def verb(name, function, **options):
        """Adds a verb, which `odelt.verbs` describes; an option in capitals is an argument by its place."""
        help = VERBS[name].help
        p = verbs.add_parser(name, help=help, description=help)
        p.set_defaults(verb=function, command=name)
        for option, settings in options.items():
            flag = option.lower() if option.isupper() else f"--{option.replace('_', '-')}"
            p.add_argument(flag, **settings)

    for room in ROOMS:
        room.register(verb)
    return top

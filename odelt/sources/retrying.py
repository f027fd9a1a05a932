"""What is worth another try: a broken connection, a server in trouble, a temporary refusal. Not a wrong address."""

import sys
import time
from collections.abc import Callable
from typing import TypeVar

from odelt.errors import OdeltError
from odelt.quoting import printable

WAITS = (1, 3, 10, 30)  # seconds before the second, third … try
RETRIED_STATUSES = (408, 425, 429, 500, 502, 503, 504)

T = TypeVar("T")


class Passing(Exception):
    """A failure that may pass. Its text is part of a line; `remedy` is told when it did not pass."""

    def __init__(self, text: str, remedy: str = "what was received is kept, so run it again later"):
        super().__init__(text)
        self.remedy = remedy


def persistently(attempt: Callable[[], T], name: str) -> T:
    """The result of `attempt`, which is tried up to five times while it raises Passing.

    Raises:
        OdeltError: it failed at the last try too; what was received so far stays for the next run.
    """
    for number, wait in enumerate(WAITS, start=2):
        try:
            return attempt()
        except Passing as failure:
            tell(f"{name}: {failure}; in {wait} s try {number} of {len(WAITS) + 1}")
            time.sleep(wait)
    try:
        return attempt()
    except Passing as failure:
        raise OdeltError(f"{name}: {failure}, in {len(WAITS) + 1} tries; {failure.remedy}") from None


def tell(line: str) -> None:
    """One line on stderr, where a job's log is."""
    print(printable(f"odelt: {line}"), file=sys.stderr, flush=True)

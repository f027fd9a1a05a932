"""The workflow's rules as they are written."""

import pathlib
import re
from collections.abc import Iterator

RULES = pathlib.Path(__file__).parents[1] / "workflow" / "rules"
RULE = re.compile(r"^( *)(?:rule ?(\w*)|use rule (\w+) as (\w+) with):\n((?:\1 +.*\n|\n)+)", flags=re.M)


def rules() -> dict[str, str]:
    """The text of every rule by its name, a generated one's by the word that its name begins with.

    A rule that inherits from another has that one's text before its own.
    """
    texts = {}
    for name, base, body in _written():
        texts[name] = texts.get(base, "") + body
    return texts


def lengths() -> dict[str, int]:
    """The lines of every rule as it is written, from its name to its last line."""
    return {name: 1 + len(body.rstrip().splitlines()) for name, _, body in _written()}


def _written() -> Iterator[tuple[str, str, str]]:
    """Each rule's name, the one that it inherits from, and its text without its first line."""
    for file in sorted(RULES.glob("*.smk")):
        for _, name, base, heir, body in RULE.findall(file.read_text(encoding="utf-8")):
            yield heir or name or re.search(r'rule_name\("(\w+)"', body)[1], base, body

"""The workflow's rules as they are written."""

import pathlib
import re

RULES = pathlib.Path(__file__).parents[1] / "workflow" / "rules"


def rules() -> dict[str, str]:
    """The text of every rule by its name, a generated one's by the word that its name begins with."""
    found = {}
    for file in sorted(RULES.glob("*.smk")):
        for _, name, body in re.findall(
            r"^( *)rule ?(\w*):\n((?:\1 +.*\n|\n)+)", file.read_text(encoding="utf-8"), flags=re.M
        ):
            found[name or re.search(r'rule_name\("(\w+)"', body)[1]] = body
    return found

"""Why files are not verified: each cause once, with the number of files that it concerns."""

import dataclasses
from collections.abc import Mapping

from odelt.audit.chain import Chain, Node
from odelt.quoting import printable


@dataclasses.dataclass(frozen=True)
class Cause:
    """A problem, and how many files it affects."""

    name: str  # of the first file that has the problem
    text: str
    others: int  # the number of other files with the same problem
    resting: tuple[str, ...]  # files that were made from these, directly or not, or are in a closed folder

    @property
    def message(self) -> str:
        others = f"; the same of {_files(self.others, 'more ')}" if self.others else ""
        if not self.resting:
            return f"{self.text}{others}"
        first = ", ".join(map(printable, self.resting[:2])) + (" and more" if len(self.resting) > 2 else "")
        return f"{self.text}{others}; and {_files(len(self.resting))} made from it ({first})"


def causes(chain: Chain) -> list[Cause]:
    """Finds the problems that do not only follow from another file's problem."""
    groups: dict[tuple[str, str], list[str]] = {}
    shared: dict[tuple[str, str], list[str]] = {}
    for node in sorted(chain.nodes.values(), key=lambda node: node.name):
        for fault in node.faults:
            if not (fault.cause and _has_faults(chain.nodes, fault.cause)):
                into, key = (shared, "") if fault.shared else (groups, node.name)
                into.setdefault((key, fault.text), []).append(node.name)
    counted: set[str] = set()  # the files whose followers a cause already has
    result = []
    for (_, text), names in [*groups.items(), *shared.items()]:
        first = names[0]
        resting = set() if first in counted else _resting(chain, names) - set(names)
        counted.add(first)
        result.append(Cause(first, text, len(names) - 1, tuple(sorted(resting))))
    return result


def _has_faults(nodes: Mapping[str, Node], name: str) -> bool:
    return name in nodes and bool(nodes[name].faults)


def _resting(chain: Chain, names: list[str]) -> set[str]:
    """The files that were made from these files, or from files in these folders."""
    blamed = [node.name for node in chain.nodes.values() if any(fault.cause in names for fault in node.faults)]
    return chain.resting_on([*names, *blamed])


def _files(count: int, more: str = "") -> str:
    return f"{count} {more}{'file' if count == 1 else 'files'}"

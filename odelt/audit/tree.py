"""An audit as a tree for people: each file, and below it the files that it was made from."""

import shlex
from collections.abc import Iterator

from odelt.audit.chain import EXTERNAL, REMOVED, VERIFIED, Chain, Node
from odelt.audit.folder import Folder
from odelt.errors import OdeltError
from odelt.plain_data import parse_json
from odelt.provenance.record import Record
from odelt.quoting import printable
from odelt.verbs import verb_named

NUMBER = "frechet_distance"
LARGEST = 2**20  # bytes of a score that is still read


def lines(chain: Chain, starts: tuple[str, ...], root: str) -> Iterator[str]:
    """The lines of the tree below each of these files. A file is unfolded once.

    A score has its number and, on a line of its own, the command that makes it again.
    """
    shown: set[str] = set()
    # No recursion: a chain may be of any length.
    waiting: list[tuple[str, Node | str, int]] = [(path(root, name), chain.nodes[name], 0) for name in reversed(starts)]
    while waiting:
        label, node, depth = waiting.pop()
        if isinstance(node, str):
            yield f"{'  ' * depth}{label}: {node}"
            continue
        again = node.name in shown and node.links
        yield f"{'  ' * depth}{label}: {summary(chain.folder, node)}{', see above' if again else ''}"
        if not again:
            if node.record and verb_named(node.record.verb).measures and node.record.suite and node.name not in shown:
                yield f"{'  ' * (depth + 1)}make it again: {printable(command(node.record))}"
            shown.add(node.name)
            for link in reversed(node.links):
                external = f"{EXTERNAL}, sha256 {link.input.sha256}"
                known = external if link.state == EXTERNAL else chain.nodes[link.name]
                waiting.append((printable(link.name), known, depth + 1))


def summary(folder: Folder, node: Node) -> str:
    """The state of a file, the number if it is a score, and the verb that made it."""
    if not node.record:
        return node.state
    record = node.record
    seed = "" if record.seed is None else f", seed {record.seed}"
    had = f", had sha256 {record.output.sha256}" if node.state == REMOVED else ""
    return printable(f"{node.state}{_number(folder, node, record)} ({record.verb}{seed}, {record.ended}{had})")


def path(root: str, name: str) -> str:
    """The path of a file in the audited folder, as messages show it."""
    if name == ".":
        return root
    return printable(name if root == "." else f"{root}/{name}")


def command(record: Record) -> str:
    """The command that makes a suite's output again, in the project's folder."""
    target = f"results/{record.suite}/{record.output.path}"
    return shlex.join(["snakemake", "--cores", "all", "--config", f"suite={record.suite}", "--force", target])


def _number(folder: Folder, node: Node, record: Record) -> str:
    """The Fréchet distance in a score that is verified."""
    output = record.output
    if not verb_named(record.verb).measures or node.state != VERIFIED or output.files or output.bytes > LARGEST:
        return ""
    try:
        content = parse_json((folder.root / node.name).read_bytes(), node.name)
    except (OdeltError, OSError):
        return ""
    value = content.get(NUMBER) if isinstance(content, dict) else None
    return f", {NUMBER} {value}" if isinstance(value, int | float) else ""

"""Finds outputs that are stale against today's checkout.

An output is stale if other code, packages or configuration made it, if it is lost or damaged, or if an input is stale.
Snakemake sees changed parameters and newer inputs. It sees neither changed code and libraries, nor that a file is gone
while the files made from it exist.
"""

import dataclasses
import pathlib
import shlex
from collections.abc import Iterable, Iterator, Sequence

from odelt.audit.audit import Audit
from odelt.audit.chain import BROKEN, EXTERNAL, MISSING, Chain, Node
from odelt.audit.today import Today
from odelt.errors import OdeltError
from odelt.provenance.record import root_of
from odelt.verbs import verb_named


@dataclasses.dataclass(frozen=True)
class Stale:
    """An output that today's checkout would make differently."""

    path: str
    suite: str | None
    output: str  # its path in the suite's folder
    job: tuple  # identifies the job; its outputs share it
    reasons: tuple[str, ...]  # its own; empty if only an input is stale
    left_over: bool  # today's configuration does not ask for it

    @property
    def can_be_made(self) -> bool:
        """Whether the output has a reason of its own, and today's configuration asks for it."""
        return bool(self.reasons) and not self.left_over

    def data(self) -> dict:
        return {"path": self.path, "reasons": list(self.reasons)}


def stale(audits: Iterable[Audit], checkout: pathlib.Path) -> tuple[list[Stale], list[str]]:
    """Finds the stale outputs, inputs first. Also returns a line for each of the user's files that was not compared.

    Raises:
        OdeltError: `checkout` is no checkout of this project, or its configuration is not valid.
    """
    if not (checkout / "odelt" / "__init__.py").is_file():
        raise OdeltError(f"{checkout} is no checkout of this project: it has no odelt/__init__.py")
    today = Today(checkout)
    outputs = [output for audited in audits for output in _stale(audited, today)]
    return outputs, [f"{path} is not here, so it was not compared" for path in sorted(today.absent)]


def report(outputs: Sequence[Stale]) -> list[str]:
    """Lines for people: each stale output with its reasons, and the commands that make them again."""
    if not outputs:
        return ["nothing is stale"]
    lines = [f"stale: {output.path}: {'; '.join(output.reasons) or 'what it was made from is'}" for output in outputs]
    suites = list(dict.fromkeys(output.suite for output in outputs if output.suite and output.can_be_made))
    return lines + [f"make again: {command(outputs, suite)}" for suite in suites]


def command(outputs: Sequence[Stale], suite: str) -> str:
    """The command that makes the stale outputs of a suite or a latency study again, and nothing else.

    It names one output of each job that has a reason of its own. The job's other outputs come with it, and Snakemake
    makes files again that are older than their inputs.
    """
    jobs: dict[tuple, str] = {}
    of_suite = [output for output in outputs if output.suite == suite]
    for output in of_suite:
        if output.can_be_made:
            path = f"results/{suite}/{output.output}"
            jobs[output.job] = min(jobs.get(output.job, path), path)
    of_study = any(verb_named(output.job[0]).of_study for output in of_suite)
    asked = ["latency", "--config", f"latency=config/{suite}.yaml"] if of_study else ["--config", f"suite={suite}"]
    return shlex.join(["snakemake", "--cores", "all", *asked, "--forcerun", *sorted(jobs.values())])


def _stale(audited: Audit, today: Today) -> list[Stale]:
    outputs: dict[str, Stale] = {}
    for name in audited.chain.inputs_first:
        node = audited.chain.nodes[name]
        record = node.record
        reasons = (*_faults(audited.chain, node), *(today.reasons(record) if record else ()))
        if reasons or any(link.name in outputs for link in node.links if link.state != EXTERNAL):
            root, suite = root_of(audited.chain.folder.root / name)
            output = (audited.chain.folder.root / name).relative_to(root).as_posix()
            suite, output, job = (record.suite, record.output.path, record.job) if record else (suite, output, (name,))
            left_over = bool(reasons) and record is not None and today.is_left_over(record)
            outputs[name] = Stale(audited.path(name), suite, output, job, reasons, left_over)
    return list(outputs.values())


def _faults(chain: Chain, node: Node) -> Iterator[str]:
    """What is wrong with an output itself. It must be made again."""
    if node.state == MISSING:
        yield "it is missing"
    elif node.record is None:
        yield "it has no record that can be read"
    elif node.state == BROKEN and chain.folder.hash(node.name) != node.record.output.sha256:
        yield "it is not what was recorded"

"""What records cost: the time that a verb spends in hashing, asking git and writing records, beside its whole time.

Two verbs: `tables` on a finished suite, which reads many small files; and one that reads and writes a file of --bytes,
as the largest sample sets are, and computes nothing, so that its share is the worst there is. The floor is the bytes
that have to be hashed at the rate that sha256 has here.
"""

import argparse
import contextlib
import hashlib
import io
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from common import add_out, report, told

from odelt import cli, files, trace
from odelt.errors import OdeltError
from odelt.machine import devices
from odelt.provenance import digests, record, recording

BLOCK = 2**24  # bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", required=True, help="a finished suite's, as results/mini")
    parser.add_argument("--experiment", default="digits")
    parser.add_argument("--bytes", type=int, default=10**9)
    parser.add_argument("--repeats", type=int, default=3)
    add_out(parser)
    arguments = parser.parse_args()
    if not pathlib.Path(arguments.results, arguments.experiment, "tables").is_dir():
        raise OdeltError(f"{arguments.results} has no tables of '{arguments.experiment}'; 'make mini' makes some")
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder, "results", "suite")
        shutil.copytree(arguments.results, root)
        small = [_tables(root, arguments.experiment) for _ in range(arguments.repeats)]
        large = [_large(root, arguments.bytes) for _ in range(arguments.repeats)]
        rate = sha256_rate()
    figures = {"sha256_bytes_per_s": rate, "tables": _middle(small, rate), "large_file": _middle(large, rate)}
    report(arguments, devices.processor(), figures)


def sha256_rate() -> float:
    """Bytes per second of sha256 on memory that is at hand."""
    block = bytes(BLOCK)
    started = time.perf_counter()
    for _ in range(8):
        hashlib.sha256(block).digest()
    return 8 * BLOCK / (time.perf_counter() - started)


def _tables(root: pathlib.Path, experiment: str) -> dict:
    """The verb `tables` as its record says that it ran; what was recorded before it is removed."""
    grid_record = record.record_path(root / experiment / "tables" / "grid.csv")
    made = record.read(grid_record).parameters
    options = ["--experiment", experiment, "--settings", json.dumps(made["settings"])]
    out = root / experiment / "tables"
    for path in out.glob(f"*{record.SUFFIX}"):
        path.unlink()
    command = ["tables", *options, "--results", str(root / experiment), "--out", str(out)]
    found = _timed(lambda: cli.main(command))
    started = time.perf_counter()  # a rule is a process: what starting it takes counts
    subprocess.run([sys.executable, "-m", "odelt", *command], check=True, capture_output=True)
    return found | {"seconds": time.perf_counter() - started}


def _large(root: pathlib.Path, size: int) -> dict:
    """Reads a file and writes it again in blocks; both have to be hashed."""
    source, out = root / "source.bin", root / "out.bin"
    with source.open("wb") as file:
        file.writelines(bytes(BLOCK) for _ in range(size // BLOCK))

    def copy(arguments):
        trace.used(source)
        with files.writing(out) as draft, source.open("rb") as before, draft.open("wb") as after:
            shutil.copyfileobj(before, after, BLOCK)

    copy.__module__ = "odelt.commands.data"
    arguments = argparse.Namespace(verb=copy, command="copy", out=out)

    def run() -> None:
        with recording.recording(arguments):
            copy(arguments)

    return _timed(run)


def _timed(verb) -> dict:
    """Seconds of a verb, and of the part that its records take; how many bytes were hashed."""
    spent, hashed = [], []
    with contextlib.ExitStack() as watched:
        for module, name in ((recording, "_fingerprint"), (recording, "_output"), (recording.environment, "code")):
            watched.enter_context(_watched(module, name, spent))
        watched.enter_context(_watched(recording.environment, "environment", spent))
        watched.enter_context(_watched(recording, "write", spent))
        watched.enter_context(_sized(hashed))
        watched.enter_context(contextlib.redirect_stderr(io.StringIO()))
        recording._sha256.cache_clear()
        started = time.perf_counter()
        verb()
        whole = time.perf_counter() - started
    return {"seconds": whole, "in_records": sum(spent), "hashed_bytes": sum(hashed)}


@contextlib.contextmanager
def _watched(module, name: str, spent: list):
    function = getattr(module, name)

    def timed(*arguments, **named):
        started = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            spent.append(time.perf_counter() - started)

    setattr(module, name, timed)
    try:
        yield
    finally:
        setattr(module, name, function)


@contextlib.contextmanager
def _sized(hashed: list):
    find = digests.find

    def sized(path):
        found = find(path)
        hashed.append(0 if path.is_dir() else found.bytes)  # a folder's are counted file by file
        return found

    digests.find = sized
    try:
        yield
    finally:
        digests.find = find


def _middle(runs: list[dict], rate: float) -> dict:
    middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    return middle | {"share": middle["in_records"] / middle["seconds"], "floor_s": middle["hashed_bytes"] / rate}


if __name__ == "__main__":
    told(main)

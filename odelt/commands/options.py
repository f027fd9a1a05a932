"""Options that several verbs share, as keyword arguments of argparse."""

import argparse
import contextlib
import json
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

from odelt.commands import kinds
from odelt.errors import OdeltError


def path(**more) -> dict:
    return {"type": kinds.path, "required": "default" not in more, **more}


def text(**more) -> dict:
    return {"required": "default" not in more, **more}


OUT = path(type=kinds.new_file, metavar="FILE", help="what is written")
OUTS = OUT | {"action": "append", "help": "what is written, for each in turn"}
OUT_DIR = path(type=kinds.new_folder, metavar="DIR", help="where it is written")
DTYPE = {"choices": ["float32", "bfloat16"], "default": "float32", "help": "type of the computation"}
WEIGHTS = {"choices": ["ema", "raw"], "default": "ema", "help": "which of the model's weights"}
LENGTH = {
    "type": kinds.length_or_full,
    "required": True,
    "metavar": "l|full",
    "help": "active blocks, or 'full': conventional",
}
SEED = {"type": kinds.at_least(0), "default": 0, "help": "of the random numbers"}
POSITIVE = {"type": kinds.at_least(1), "required": True}
BATCH_SIZE = {
    "type": kinds.at_least(1),
    "default": 256,
    "help": "samples at once on a device (adaptive solvers: always 64, unless joint)",
}
MODEL = path(metavar="DIR", help="a model directory")
SETTING = {
    "type": kinds.solver_setting,
    "action": "append",
    "required": True,
    "metavar": "SOLVER,w[,d]",
    "help": "may be repeated; for example euler:4,1 or dopri5:1e-3,1,7",
}
FACTS = {
    "type": kinds.json_object,
    "default": {},
    "metavar": "JSON",
    "help": "what the result is of; goes into it as it is",
}
OF_EACH = {"action": "append", "required": True, "default": None}
FACTS_OF_EACH = FACTS | {"action": "append", "default": None, "help": f"{FACTS['help']}; for each in turn"}
SETTINGS = text(metavar="JSON", help="a section of the suite: JSON, or a file")
INCEPTION = {
    "weights": path(metavar="FILE", help="Inception's weights, as pytorch-fid has them"),
    "torchscript": path(metavar="FILE", help="Inception as TorchScript, as clean-fid's mode 'clean' has it"),
}


def for_each_output(arguments: argparse.Namespace, *names: str) -> Iterator[tuple]:
    """The values of repeated options that belong together, and the output of each; OdeltError where one lacks some."""
    outs: list[pathlib.Path] = arguments.out
    repeated: list[list[Any]] = [getattr(arguments, name) or [{}] * len(outs) for name in names]
    for name, values in zip(names, repeated, strict=True):
        if len(values) != len(outs):
            raise OdeltError(f"{len(values)} times --{name}, but {len(outs)} times --out; each output needs its own")
    return zip(*repeated, outs, strict=True)


@contextlib.contextmanager
def telling_replaced(*outs: pathlib.Path):
    """For verbs that people type: files that were there before the block and were written in it are named on stderr."""
    before = [out for out in outs if out.exists()]
    yield
    for out in before:
        print(f"odelt: {out} was there before and is replaced", file=sys.stderr)


def write_json(out: pathlib.Path, content: dict) -> None:
    from odelt import files

    files.write_text(out, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


@contextlib.contextmanager
def progress(total: int, unit: str):
    """A bar on stderr; the yielded function moves it on."""
    import tqdm

    with tqdm.tqdm(total=total, unit=unit, delay=1, mininterval=1, dynamic_ncols=True) as bar:
        yield bar.update

"""What the command line's options may be: each function reads one kind, or says on one line what is wrong."""

import argparse
import pathlib

from odelt import files, plain_data
from odelt.config import Length, Solver
from odelt.config.parsing import file_name
from odelt.quoting import quoted


def at_least(low: int):
    def integer(text: str) -> int:
        if not text.lstrip("-").isdecimal() or int(text) < low:
            raise argparse.ArgumentTypeError(f"{quoted(text)} is not a whole number of at least {low}")
        return int(text)

    return integer


def new_file(text: str) -> pathlib.Path:
    """Where a file is to be written: asked before the work starts."""
    files.require_free(path(text))
    return pathlib.Path(text)


def new_folder(text: str) -> pathlib.Path:
    """The same for a folder's files."""
    files.require_free(path(text), folder=True)
    return pathlib.Path(text)


def path(text: str) -> pathlib.Path:
    try:
        return pathlib.Path(file_name(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def length_or_full(text: str) -> int | None:
    return Length.parse(text).blocks


def guidance_scale(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not a guidance scale of at least 0")
    return value


def label_list(text: str) -> list[int | str]:
    return ["null" if label == "null" else at_least(0)(label) for label in text.split(",")]


def json_object(text: str) -> dict:
    content = plain_data.parse_json(text, quoted(text))
    if not isinstance(content, dict):
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not a JSON object")
    return content


def image_size(text: str) -> tuple[int, int]:
    height, _, width = text.partition("x")
    if not (height.isdecimal() and width.isdecimal()):
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not HxW, for example 32x32")
    return at_least(1)(height), at_least(1)(width)


def solver_setting(text: str) -> tuple[Solver, float, int | None]:
    parts = text.split(",")
    if len(parts) not in (2, 3):
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not SOLVER,w or SOLVER,w,d")
    return Solver.parse(parts[0]), guidance_scale(parts[1]), at_least(0)(parts[2]) if len(parts) == 3 else None


def labelled_path(text: str) -> tuple[str, pathlib.Path]:
    label, equals, path = text.partition("=")
    if not (label and equals and path):
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not LABEL=FILE")
    return label, pathlib.Path(path)

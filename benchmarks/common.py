"""Options that the benchmarks share, and the line that they print."""

import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # also where odelt is not installed

from odelt.config import Network, parse
from odelt.errors import OdeltError
from odelt.evaluation.latency import device_name


def options(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    for name in ("width", "heads", "depth", "group", "min-length", "classes", "batch"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--image", required=True, metavar="HxWxC")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    return parser


def network_of(arguments: argparse.Namespace) -> Network:
    height, width, channels = map(int, arguments.image.split("x"))
    keys = ("width", "heads", "depth", "group", "min_length", "classes")
    sizes = {key: getattr(arguments, key) for key in keys}
    try:
        return parse(Network, {**sizes, "channels": channels, "image": (height, width)}, "network")
    except OdeltError as error:
        sys.exit(str(error))


def report(arguments: argparse.Namespace, **figures) -> None:
    print(json.dumps({**figures, "configuration": vars(arguments), "device": device_name()}))

"""What the benchmarks share: their options, the machine, the line that they print.

Nothing here imports jax or torch, so that a script of either world can use it.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # also where odelt is not installed

from odelt import files
from odelt.commands.kinds import at_least, image_size
from odelt.config import Length, Network, Training, parse
from odelt.errors import OdeltError
from odelt.objectives import OBJECTIVES
from odelt.provenance import environment

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGES = ("jax", "jaxlib", "flax", "torch", "numpy")
LOAD_AT_START = os.getloadavg()[0]


def options(description: str, batch: bool = True) -> argparse.ArgumentParser:
    """The parser with what every benchmark of the network takes."""
    parser = argparse.ArgumentParser(description=description)
    add_network(parser, batch)
    add_out(parser)
    return parser


def add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE", help="the JSON object goes to this file too")


def add_network(parser: argparse.ArgumentParser, batch: bool = True) -> None:
    for name in ("width", "heads", "depth", "group", "min-length", "classes", *(["batch"] if batch else [])):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--image", type=image, required=True, metavar="HxWxC")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")


WITH_INNER_ODE = [name for name, objective in OBJECTIVES.items() if objective.inner_ode]


def add_training(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--steps", type=at_least(1), default=60)
    parser.add_argument("--objective", choices=WITH_INNER_ODE, default="shortcut")


def add_sampling(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--length", required=True, help="active blocks, or 'full' for the conventional path")
    parser.add_argument("--solver", default="euler:4")
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument("--repeats", type=at_least(1), default=10)


def add_devices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--devices",
        type=at_least(1),
        default=1,
        metavar="N",
        help="share the batch over N GPUs, or N virtual CPU devices",
    )


def network_of(arguments: argparse.Namespace) -> Network:
    height, width, channels = map(int, arguments.image.split("x"))
    keys = ("width", "heads", "depth", "group", "min_length", "classes")
    sizes = {key: getattr(arguments, key) for key in keys}
    return parse(Network, {**sizes, "channels": channels, "image": (height, width)}, "network")


def training_of(arguments: argparse.Namespace, length_draw: str) -> Training:
    keys = {"steps": arguments.steps, "batch_size": arguments.batch, "dtype": arguments.dtype}
    chosen = {"objective": arguments.objective, "length_draw": length_draw}
    return parse(Training, {**keys, **chosen, "learning_rate": 1e-4, "warmup_steps": 0}, "training")


def length_of(arguments: argparse.Namespace, network: Network) -> int | None:
    blocks = Length.parse(arguments.length).blocks
    return None if blocks is None else network.check_length(blocks)


def numbers(text: str) -> list[int]:
    return [at_least(1)(part) for part in text.split(",")]


def image(text: str) -> str:
    """HxWxC as it stands, if it is that."""
    size, _, channels = text.rpartition("x")
    image_size(size)
    at_least(1)(channels)
    return text


def quartiles(values: Sequence[float]) -> dict[str, float]:
    import numpy as np

    q1, median, q3 = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    return {"median": median, "q1": q1, "q3": q3}


def seconds(function: Callable[[], Any]) -> float:
    """How long `function` takes; it must wait for its device itself."""
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def machine(device: str) -> dict[str, Any]:
    """On what a figure was measured, and with what code.

    `load` is the number of processes that were running before this one began: above zero the machine was not quiet,
    and rates are too low; ratios that were measured in turns still hold.
    """
    commit, dirty = environment.checked_out(ROOT)
    return {
        "device": device,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "load": LOAD_AT_START,
        "os": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: told for name in PACKAGES if (told := _version(name))},
        "commit": commit,
        "dirty": dirty,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        # Where there is one, compile times may be those of reading it.
        "compilation_cache": "JAX_COMPILATION_CACHE_DIR" in os.environ,
        "command": command(sys.argv),
    }


def command(argv: Sequence[str]) -> str:
    """The command line that measures the same again; where its result was written is no part of it."""
    words = [word for word in argv[1:] if not word.startswith("--out=")]
    if "--out" in words:
        at = words.index("--out")
        del words[at : at + 2]
    return shlex.join(["python", os.path.relpath(argv[0], ROOT), *words])


def report(arguments: argparse.Namespace, device: str, figures: dict[str, Any]) -> None:
    """Prints one line of JSON: the figures, the options, the machine; `--out` keeps it in a file, readably."""
    configuration = {name: value for name, value in vars(arguments).items() if name != "out"}
    found = {**figures, "configuration": configuration, "device": device, "machine": machine(device)}
    if arguments.out:
        files.write_text(arguments.out, json.dumps(found, indent=1, sort_keys=True) + "\n")
    print(json.dumps(found), flush=True)


def told(main: Callable[[], None]) -> None:
    """Runs a script; bad input ends it with one line, and status 2."""
    try:
        main()
    except OdeltError as error:
        print(f"{pathlib.Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        sys.exit(2)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None

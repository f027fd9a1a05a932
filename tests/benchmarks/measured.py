"""What the benchmarks' tests share: their modules, and a script's last line at a tiny size."""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))  # a script finds the others beside it

SIZES = {"width": 16, "heads": 2, "depth": 2, "group": 1, "min-length": 1, "image": "4x4x4", "classes": 10, "batch": 16}
TINY = [word for name, value in SIZES.items() for word in (f"--{name}", str(value))]


def run(script: str, *arguments: str, status: int = 0) -> subprocess.CompletedProcess:
    command = [sys.executable, f"benchmarks/{script}.py", *arguments]
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_backend_optimization_level=0"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", timeout=900)
    assert done.returncode == status, done.stderr[-3000:]
    return done


def result(script: str, *arguments: str) -> dict:
    """The JSON object that is the script's last line."""
    return json.loads(run(script, *arguments).stdout.splitlines()[-1])

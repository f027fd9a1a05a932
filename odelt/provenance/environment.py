"""With what a process computes: the code of this project that it imported, packages, device."""

import functools
import importlib.metadata
import os
import pathlib
import platform
import re
import subprocess
import sys
from collections.abc import Iterable

from odelt import files
from odelt.machine import devices
from odelt.provenance.record import Code, Environment
from odelt.quoting import printable
from odelt.version import __version__

SOURCE = pathlib.Path(__file__).parents[1]  # odelt's own folder
IMPORTS = re.compile(r"^\s*(?:import|from)\s+(\w+)", re.MULTILINE)
FROM_OURS = re.compile(r"^\s*from (odelt[\w.]*) import (\([^)]*\)|.+)$", re.MULTILINE)
# Modules on which no number depends: the command line, the keeping of records, descriptions of verbs.
MACHINERY = re.compile(
    r"odelt(\.(__main__|version|cli|commands|errors|quoting|files|trace|operations|verbs(\..*)?|planning(\..*)?|provenance(\..*)?|"
    r"machine(\.(process|compiled|surroundings|devices|alive))?|audit(\.(?!crate).*)?))?"
)
GIT_SECONDS = 10  # that git may take
# Variables by which the surroundings change what a library computes, by the package that reads them.
VARIABLES = {
    "jax": r"JAX_\w+|XLA_\w+|LIBTPU_INIT_ARGS|TF_CUDNN_\w+|TF_XLA_\w+|CUBLAS_\w+|NVIDIA_TF32_OVERRIDE|NPROC",
    "torch": r"TORCH_\w+|ATEN_\w+|ONEDNN_\w+|DNNL_\w+|CUBLAS_\w+|NVIDIA_TF32_OVERRIDE",
    "tensorflow": r"TF_\w+|ONEDNN_\w+|DNNL_\w+",
    "numpy": r"OPENBLAS_\w+|MKL_\w+|NPY_\w+",
}
# Variables that change no number: they choose a device or its memory, a folder, or what is printed. Snakemake sets the
# number of threads for each job. Like the device, that changes numbers by rounding at most.
NO_NUMBERS = re.compile(
    r"JAX_(PLATFORM|PLATFORM_NAME|PLATFORMS|CUDA_VISIBLE_DEVICES|CPU_ENABLE_ASYNC_DISPATCH|NUM_CPU_DEVICES)"
    r"|JAX_(LOG|DUMP|TRACEBACK|COMPILATION_CACHE|PERSISTENT_CACHE|ENABLE_COMPILATION_CACHE|RAISE_PERSISTENT_CACHE)\w*"
    r"|XLA_PYTHON_CLIENT_\w+|TF_(CPP|GPU_ALLOCATOR|FORCE_GPU)_\w+|TORCH_(HOME|LOGS|CUDA_ARCH_LIST)|\w+_NUM_THREADS"
)
NO_NUMBERS_FLAG = re.compile(r"--xla_(force_host_platform_device_count|dump_\w+)(=.*)?")
FOLDERS = re.compile(r"(?<![\w.])/(?:[^/\s,:;=]+/)*")  # of an absolute path


def code(verb_module: str) -> Code:
    """Describes the code that this process uses. Its verb is in `verb_module`; modules of other verbs do not count."""
    commit, dirty = checked_out(SOURCE.parent)
    modules = {name: files.digest(path) for name, path in _modules(verb_module)}
    return Code(commit=commit, dirty=dirty, version=__version__, modules=modules)


def environment(verb_module: str) -> Environment:
    """Describes this process: the packages that the verb's modules import, if they were imported, and the device."""
    named = {name for _, path in _modules(verb_module) for name in IMPORTS.findall(path.read_text(encoding="utf-8"))}
    packages = sorted(name for name in named & sys.modules.keys() if name not in (*sys.stdlib_module_names, "odelt"))
    versions = {name: version(name) for name in [*packages, *(["jaxlib"] if "jax" in packages else [])]}
    known = {name: installed for name, installed in versions.items() if installed}
    return Environment(python=platform.python_version(), packages=known, device=_device(), settings=settings(packages))


def settings(packages: Iterable[str]) -> dict[str, str]:
    """Returns the environment variables that are set and may change what these packages compute.

    A variable that `odelt.machine.numerics` pins has no effect, so it is left out. Paths are cut to their last part.
    """
    from odelt.machine import numerics

    known = [VARIABLES[package] for package in packages if package in VARIABLES]
    pattern = re.compile("|".join(known) or "(?!)")
    values = {}
    for name in sorted(os.environ):
        if pattern.fullmatch(name) and not NO_NUMBERS.fullmatch(name) and name.lower() not in numerics.PINNED:
            words = [word for word in os.environ[name].split() if not NO_NUMBERS_FLAG.fullmatch(word)]
            if words:
                values[name] = printable(FOLDERS.sub("", " ".join(words)))
    return values


def version(package: str) -> str | None:
    """Returns the version of the package with this import name; None if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # imported under another name than it is installed by
        return getattr(sys.modules.get(package), "__version__", None)


def checked_out(folder: pathlib.Path) -> tuple[str | None, bool | None]:
    """Returns a checkout's commit, and whether tracked files differ from it; (None, None) if it is no checkout."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        result = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=GIT_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None, None
    match = re.fullmatch(r"([0-9a-f]{40,64})(-dirty)?", result.stdout.strip())
    return (match[1], bool(match[2])) if match and (folder / ".git").exists() else (None, None)


def _modules(verb_module: str) -> Iterable[tuple[str, pathlib.Path]]:
    """Returns the names and paths of odelt's modules that this process imported and that the verb's module leads to.

    The command line imports more, to describe the other verbs.
    """
    waiting, paths = [verb_module], {}
    while waiting:
        name = waiting.pop()
        file = getattr(sys.modules.get(name), "__file__", None)
        if file and name not in paths and not MACHINERY.fullmatch(name):
            paths[name] = pathlib.Path(file)
            waiting += _imported_by(paths[name])
    return sorted((name, path) for name, path in paths.items() if name.startswith("odelt."))


@functools.cache
def _imported_by(path: pathlib.Path) -> list[str]:
    """The modules of odelt that a module may import: `from odelt.a import b` names odelt.a, and perhaps odelt.a.b."""
    names = []
    for module, words in FROM_OURS.findall(path.read_text(encoding="utf-8")):
        parts = module.split(".")
        names += [".".join(parts[: k + 1]) for k in range(len(parts))]  # with a module come the rooms that it is in
        names += [f"{module}.{word}" for word in re.findall(r"\w+", words)]
    return names


def _device() -> str | None:
    """The accelerator's name, or the processor's; None where nothing was computed on a device."""
    if torch := sys.modules.get("torch"):
        return torch.cuda.get_device_name() if torch.cuda.is_initialized() else devices.processor()
    bridge = sys.modules.get("jax._src.xla_bridge")  # jax has no public way to ask without taking the device
    if bridge is None or not bridge.backends_are_initialized():
        return None
    device = sys.modules["jax"].devices()[0]
    return devices.processor() if device.platform == "cpu" else device.device_kind

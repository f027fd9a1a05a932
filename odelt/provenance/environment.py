"""With what a process computes: the code of this project that it imported, packages, device."""

import hashlib
import importlib.metadata
import pathlib
import platform
import re
import subprocess
import sys
from collections.abc import Iterable

import odelt
from odelt import devices
from odelt.provenance.record import Code, Environment

SOURCE = pathlib.Path(odelt.__file__).parent
IMPORTS = re.compile(r"^\s*(?:import|from)\s+(\w+)", re.MULTILINE)
# What every process imports and no number depends on: the command line, the record keeping itself.
MACHINERY = re.compile(
    r"odelt(\.(__main__|cli|process|compiled|surroundings|errors|quoting|files|devices|alive|preflight|costs|commands|"
    r"provenance(\.(?!crate).*)?))?"
)
FROM_COMMANDS = re.compile(r"^\s*from (odelt\.commands\.\w+) import", re.MULTILINE)
SHARED_COMMANDS = ("odelt.commands.options", "odelt.commands.kinds")
GIT_SECONDS = 10  # that git may take


def code(verb_module: str) -> Code:
    """Of this process, whose verb is in `verb_module`: the other verbs' modules are imported, but not used."""
    commit, dirty = checked_out(SOURCE.parent)
    return Code(commit=commit, dirty=dirty, modules={name: _sha256(path) for name, path in _modules(verb_module)})


def environment(verb_module: str) -> Environment:
    """Of this process: the packages that those modules import and that were in fact imported."""
    named = {name for _, path in _modules(verb_module) for name in IMPORTS.findall(path.read_text(encoding="utf-8"))}
    packages = sorted(name for name in named & sys.modules.keys() if name not in (*sys.stdlib_module_names, "odelt"))
    versions = {name: version(name) for name in [*packages, *(["jaxlib"] if "jax" in packages else [])]}
    known = {name: told for name, told in versions.items() if told}
    return Environment(python=platform.python_version(), packages=known, device=_device())


def version(package: str) -> str | None:
    """The version of a package by the name that is imported; None where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # imported under another name than it is installed by
        return getattr(sys.modules.get(package), "__version__", None)


def checked_out(folder: pathlib.Path) -> tuple[str | None, bool | None]:
    """The commit of a checkout and whether tracked files differ from it; (None, None) where there is none."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        told = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=GIT_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None, None
    found = re.fullmatch(r"([0-9a-f]{40,64})(-dirty)?", told.stdout.strip())
    return (found[1], bool(found[2])) if found and (folder / ".git").exists() else (None, None)


def _modules(verb_module: str) -> Iterable[tuple[str, pathlib.Path]]:
    own = sys.modules.get(verb_module)
    text = pathlib.Path(own.__file__).read_text(encoding="utf-8") if own else ""
    commands = {verb_module, *SHARED_COMMANDS, *FROM_COMMANDS.findall(text)}
    for name, module in sorted(sys.modules.items()):
        if not name.startswith("odelt.") or not getattr(module, "__file__", None) or MACHINERY.fullmatch(name):
            continue
        if not name.startswith("odelt.commands.") or name in commands:
            yield name, pathlib.Path(module.__file__)


def _sha256(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _device() -> str | None:
    """The accelerator's name, or the processor's; None where nothing was computed on a device."""
    if torch := sys.modules.get("torch"):
        return torch.cuda.get_device_name() if torch.cuda.is_initialized() else devices.processor()
    bridge = sys.modules.get("jax._src.xla_bridge")  # jax has no public way to ask without taking the device
    if bridge is None or not bridge.backends_are_initialized():
        return None
    device = sys.modules["jax"].devices()[0]
    return devices.processor() if device.platform == "cpu" else device.device_kind

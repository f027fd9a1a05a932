"""Which GPUs a process may use. Snakemake counts GPUs but hands out no ids: each job claims its own by a file lock.

A job claims before it imports jax or torch, since both read CUDA_VISIBLE_DEVICES once. The locks are in a folder that
all processes of the machine share, one file per device. The kernel takes them back however a process ends, and no
child inherits them (POSIX record locks belong to one process).
"""

import contextlib
import fcntl
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import IO, NamedTuple

from odelt.errors import OdeltError
from odelt.quoting import one_line, quoted

VISIBLE = "CUDA_VISIBLE_DEVICES"
PLATFORMS = ("JAX_PLATFORMS", "JAX_PLATFORM_NAME")  # where JAX computes, if the user says so
ALLOW_CPU = "ODELT_ALLOW_CPU"
CPU_RATE = 30e9  # floating-point operations per second, assumed of a processor's few cores
CPU_LIMIT = 1e15  # operations: at that rate a job of nine hours, the most that anyone starts on a CPU on purpose
POLL_SECONDS = 1.0
ANSWER_SECONDS = 60  # that nvidia-smi may take; it is slow to wake devices that nobody uses

_held: dict[str, IO] = {}  # uuid -> its open lock file, for the life of this process


class Device(NamedTuple):
    """An NVIDIA device, or a MIG slice of one that a scheduler handed out by its id."""

    uuid: str
    name: str
    memory: int | None  # bytes; None where only an id is known


def inventory() -> list[Device]:
    """The NVIDIA devices that this process may use, in order: all, or those that CUDA_VISIBLE_DEVICES lists.

    An entry of the list is an index of nvidia-smi, a UUID or the beginning of one, or a MIG id. As in CUDA the list
    ends at the first entry that names no device. No driver, no nvidia-smi: no devices.

    Raises:
        OdeltError: nvidia-smi does not answer.
    """
    devices = _listed()
    visible = os.environ.get(VISIBLE)
    if visible is None or not devices:
        return devices
    chosen = []
    for entry in visible.split(","):
        device = _named(entry.strip(), devices)
        if device is None:
            break
        chosen.append(device)
    return list(dict.fromkeys(chosen))


def claim(count: int = 1, *, folder: pathlib.Path | None = None) -> tuple[Device, ...]:
    """Takes `count` devices for this process alone, and sets CUDA_VISIBLE_DEVICES. Waits until so many are free.

    The claim lasts as long as the process; a second one takes from what the first took. On a machine without NVIDIA
    devices it is empty and changes nothing. All visible devices are taken one after the other in the order of their
    UUIDs, so that two such jobs never hold what the other waits for. `folder` holds the locks. The default is one in
    the machine's folder of temporary files.

    Raises:
        OdeltError: more devices are asked for than there are, or the lock files cannot be opened.
    """
    devices = inventory()
    if not devices:
        return ()
    if count > len(devices):
        where = f"{VISIBLE}={os.environ[VISIBLE]} shows" if VISIBLE in os.environ else "this machine has"
        raise OdeltError(f"{count} GPUs are asked for and {where} {len(devices)}; ask for no more than that")
    folder = folder or pathlib.Path(tempfile.gettempdir()) / "odelt-devices"
    claimed = _claim_all(devices, folder) if count == len(devices) else _claim_some(devices, count, folder)
    os.environ[VISIBLE] = ",".join(device.uuid for device in claimed)
    return tuple(claimed)


def cpu_is_allowed() -> bool:
    """Whether the user wants heavy jobs on a processor all the same."""
    return os.environ.get(ALLOW_CPU, "0") not in ("", "0")


def require_seen(claimed: Sequence[Device], seen: bool, library: str) -> None:
    """OdeltError where this process has claimed a GPU that its library cannot use, and would compute on the CPU."""
    if claimed and not seen:
        raise OdeltError(
            f"{library} sees no GPU, and this machine has {claimed[0].name}: make the environment here, where the GPU "
            "is (rm -r .venv-full; make env-full), and see that the driver is recent"
        )


def unavailable_platform() -> str | None:
    """A line where the environment wants JAX on an accelerator, and there is no GPU."""
    for variable in PLATFORMS:
        wanted = os.environ.get(variable, "")
        if wanted and "cpu" not in [name.strip() for name in wanted.split(",")] and not inventory():
            return f"{variable} is {quoted(wanted)}, and there is no GPU here: unset it, or set it to cpu"
    return None


def start_jax(claimed: Sequence[Device]) -> None:
    """JAX on the GPUs that this process has claimed, with pinned settings. On a CPU its programs run in the thread that
    calls them. Call it before any module that imports jax: a variable that JAX refuses is then one line.

    For glibc keeps large freed blocks (from 64 MiB) of the main thread only: from a thread of its own each training
    step at DiT-S's width faulted in 360 MB anew, a fifth of its time. Loaders have threads of their own and go on.

    Raises:
        OdeltError: a GPU was claimed and JAX sees none, or JAX cannot compute where the environment wants it to, or JAX
            refuses a variable of the environment.
    """
    from odelt.machine import numerics

    numerics.pin_process()
    import jax

    jax.config.update("jax_cpu_enable_async_dispatch", False)
    try:
        backend = jax.default_backend()
    except (AssertionError, RuntimeError) as error:  # the former without a word where JAX has no CUDA packages
        asked = [f"{variable}={quoted(os.environ[variable])}" for variable in PLATFORMS if os.environ.get(variable)]
        if not asked:
            raise
        reason = f" ({one_line(error)})" if str(error) else ""
        raise OdeltError(f"JAX cannot compute with {' and '.join(asked)} here{reason}; unset it") from None
    require_seen(claimed, backend != "cpu", "JAX")


def check(operations: float, claimed: Sequence[Device]) -> None:
    """OdeltError where a job of so many floating-point operations has no GPU and would take a CPU too long."""
    if claimed or operations <= CPU_LIMIT or cpu_is_allowed():
        return
    hours = operations / CPU_RATE / 3600
    time = f"{hours:,.0f} hours" if hours < 100 else f"{hours / 24:,.0f} days"
    raise OdeltError(
        f"there is no GPU here, and on a CPU this job takes about {time} ({operations:.1e} operations at "
        f"{CPU_RATE / 1e9:.0f} GFLOP/s); run it on a machine with a GPU, or set {ALLOW_CPU}=1 to run it all the same"
    )


def processor() -> str:
    """The processor's name and the number of cores that this process may use."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            model = next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        model = "CPU"
    return f"{model}, {len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} cores"


def _listed() -> list[Device]:
    """Returns the devices that nvidia-smi lists, in its order; none without a driver that works."""
    command = ["nvidia-smi", "--query-gpu=index,uuid,name,memory.total", "--format=csv,noheader"]
    try:
        reply = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=ANSWER_SECONDS)
    except OSError:
        return []
    except subprocess.TimeoutExpired:
        raise OdeltError(f"nvidia-smi did not answer within {ANSWER_SECONDS} s; repair or restart the driver") from None
    if reply.returncode:
        return []
    rows = [[field.strip() for field in line.split(",")] for line in reply.stdout.splitlines() if line.count(",") == 3]
    rows.sort(key=lambda row: int(row[0]))
    return [Device(uuid, name, _bytes(memory)) for _, uuid, name, memory in rows]


def _bytes(memory: str) -> int | None:
    """Returns the bytes that nvidia-smi writes as "81559 MiB"; None for "[N/A]"."""
    match = re.fullmatch(r"(\d+) MiB", memory)
    return int(match[1]) << 20 if match else None


def _named(entry: str, devices: list[Device]) -> Device | None:
    """The device that an entry of CUDA_VISIBLE_DEVICES names."""
    if entry.isdecimal():
        return devices[int(entry)] if int(entry) < len(devices) else None
    if entry.startswith("MIG-"):
        return Device(entry, "MIG slice", None)
    matching = [device for device in devices if entry.startswith("GPU-") and device.uuid.startswith(entry)]
    return matching[0] if len(matching) == 1 else None


def _claim_some(devices: list[Device], wanted: int, folder: pathlib.Path) -> list[Device]:
    """Claims the first devices that are free. A process that does not get all it wants keeps none, and tries again."""
    announced = False
    while True:
        claimed = [device for device in devices if device.uuid in _held][:wanted]
        with contextlib.ExitStack() as undo:
            for device in devices:
                if len(claimed) < wanted and device.uuid not in _held and _lock(device, folder, wait=False):
                    undo.callback(_release, device)
                    claimed.append(device)
            if len(claimed) == wanted:
                undo.pop_all()
                return sorted(claimed, key=devices.index)
        if not announced:
            what = "a free GPU" if wanted == 1 else f"{wanted} free GPUs"
            _say(f"waiting for {what} ({len(devices) - len(claimed)} in use)")
            announced = True
        time.sleep(POLL_SECONDS)


def _claim_all(devices: list[Device], folder: pathlib.Path) -> list[Device]:
    """Claims every device. All jobs claim them in the same order.

    A lock that becomes free wakes the process that sleeps on it before others try again. So jobs with one device each
    do not keep this one waiting for ever.
    """
    announced = False
    for device in sorted(devices, key=lambda device: device.uuid):
        if device.uuid in _held or _lock(device, folder, wait=False):
            continue
        if not announced:
            _say(f"waiting for {'a free GPU (1 in use)' if len(devices) == 1 else f'all {len(devices)} GPUs'}")
            announced = True
        _lock(device, folder, wait=True)
    return devices


def _lock(device: Device, folder: pathlib.Path, *, wait: bool) -> bool:
    """Whether this process now holds the device; with `wait` it sleeps until it does."""
    path = folder / re.sub(r"[^\w-]", "_", device.uuid)
    try:
        file = _open(path)
        try:
            fcntl.lockf(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException as error:
            file.close()
            if isinstance(error, BlockingIOError):
                return False
            raise
    except OSError as error:
        raise OdeltError(f"cannot lock {path}: {error.strerror}; remove the folder, or choose another TMPDIR") from None
    with contextlib.suppress(OSError):
        os.utime(path)  # what cleans up temporary files goes by their age
    _held[device.uuid] = file
    return True


def _open(path: pathlib.Path) -> IO:
    """A lock file open for writing; file and folder are for every user of the machine.

    The file is created only where it is not there: Linux refuses O_CREAT on another user's file in a sticky folder.
    """
    if not path.parent.exists():
        with contextlib.suppress(FileExistsError):
            path.parent.mkdir(parents=True)
            path.parent.chmod(0o1777)
    flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        try:
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
            os.fchmod(descriptor, 0o666)
        except FileExistsError:  # another process was first
            descriptor = os.open(path, flags)
    return os.fdopen(descriptor, "wb")


def _release(device: Device) -> None:
    _held.pop(device.uuid).close()


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)

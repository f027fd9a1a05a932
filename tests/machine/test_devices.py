"""Each job has GPUs of its own, handed out by file locks, however jobs start and end."""

import os
import signal
import subprocess
import sys
import time

import pytest

from odelt import OdeltError
from odelt.machine import devices

NAMES = ["GPU-aa11", "GPU-bb22", "GPU-cc33"]
PATIENCE = 20  # seconds until a test gives up


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A function that gives this machine so many GPUs, as far as anyone can tell; returns the folder of the locks."""

    def with_gpus(count: int, script: str | None = None):
        rows = "\n".join(f"{k}, {NAMES[k]}, NVIDIA H100 80GB HBM3, 81559 MiB" for k in range(count))
        program = tmp_path / "bin" / "nvidia-smi"
        program.parent.mkdir(exist_ok=True)
        program.write_text(script or f"#!/bin/sh\ncat <<'END'\n{rows}\nEND\n", encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
        return tmp_path / "locks"

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "_held", {})
    return with_gpus


JOB = """
import os, pathlib, sys
from odelt.machine import devices
devices.POLL_SECONDS = 0.02
devices.claim(int(sys.argv[2]), folder=pathlib.Path(sys.argv[1]))
print(os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
sys.stdin.read()
"""


class Job:
    """A process that claims, says what it got, and works until its input is closed."""

    def __init__(self, folder, count="1", visible=None):
        environment = dict(os.environ) | ({"CUDA_VISIBLE_DEVICES": visible} if visible is not None else {})
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command = [sys.executable, "-c", JOB, str(folder), str(count)]
        self.process = subprocess.Popen(command, env=environment, encoding="utf-8", **pipes)

    def got(self) -> list[str]:
        return self.process.stdout.readline().strip().split(",")

    def says(self) -> str:
        return self.process.stderr.readline()

    def end(self) -> None:
        self.process.stdin.close()
        assert self.process.wait(timeout=PATIENCE) == 0

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(timeout=PATIENCE)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()


@pytest.fixture
def start(request):
    def job(*arguments, **more):
        started = Job(*arguments, **more)
        request.addfinalizer(started.stop)
        return started

    return job


def test_the_inventory_is_what_the_driver_lists(machine):
    machine(2)
    assert devices.inventory() == [
        devices.Device("GPU-aa11", "NVIDIA H100 80GB HBM3", 81559 << 20),
        devices.Device("GPU-bb22", "NVIDIA H100 80GB HBM3", 81559 << 20),
    ]


@pytest.mark.parametrize(
    "visible, uuids",
    [
        ("1", ["GPU-bb22"]),
        ("2,0", ["GPU-cc33", "GPU-aa11"]),
        ("GPU-bb22,GPU-aa", ["GPU-bb22", "GPU-aa11"]),
        ("MIG-41b3", ["MIG-41b3"]),
        ("0,7,1", ["GPU-aa11"]),  # CUDA stops at the first that is none
        ("", []),
        ("-1", []),
    ],
)
def test_what_the_scheduler_allows_is_all_there_is(machine, monkeypatch, visible, uuids):
    machine(3)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [device.uuid for device in devices.inventory()] == uuids


@pytest.mark.parametrize("script", [None, "#!/bin/sh\necho could not communicate with the driver; exit 9\n"])
def test_without_gpus_a_claim_is_empty_and_changes_nothing(machine, monkeypatch, script, tmp_path):
    if script:
        machine(0, script)
    else:
        monkeypatch.setenv("PATH", str(tmp_path))
    assert devices.claim(folder=tmp_path / "locks") == devices.claim(8, folder=tmp_path / "locks") == ()
    assert "CUDA_VISIBLE_DEVICES" not in os.environ and not (tmp_path / "locks").exists()


def test_a_driver_that_does_not_answer_is_told(machine, monkeypatch):
    machine(1, "#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(devices, "ANSWER_SECONDS", 0.1)
    with pytest.raises(OdeltError, match="nvidia-smi did not answer within"):
        devices.inventory()


def test_two_jobs_get_two_gpus_and_a_third_waits_for_the_first_that_is_free(machine, start):
    folder = machine(2)
    first, second = start(folder), start(folder)
    assert sorted(first.got() + second.got()) == NAMES[:2]
    third = start(folder)
    assert third.says() == "waiting for a free GPU (2 in use)\n"
    assert third.process.poll() is None
    second.end()
    assert third.got()[0] in NAMES[:2]
    fourth = start(folder)
    assert fourth.says().startswith("waiting")


def test_a_killed_jobs_gpu_is_free_again(machine, start):
    folder = machine(1)
    killed = start(folder)
    assert killed.got() == NAMES[:1]
    waiting = start(folder)
    assert waiting.says() == "waiting for a free GPU (1 in use)\n"
    killed.process.send_signal(signal.SIGKILL)
    assert waiting.got() == NAMES[:1]


def test_a_child_that_outlives_its_job_holds_nothing(machine, start):
    folder = machine(1)
    forked = "import os\nif os.fork() == 0:\n    os.close(1); os.close(2)\n    sys.stdin.read(); os._exit(0)\n"
    program = JOB.replace("sys.stdin.read()", forked)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program, folder, "1"], encoding="utf-8", **pipes) as job:
        assert job.stdout.readline().strip() == NAMES[0]
        assert job.wait(timeout=PATIENCE) == 0  # its child still waits for input
        assert start(folder).got() == NAMES[:1]
        job.stdin.close()


def test_jobs_choose_among_the_gpus_they_were_given(machine, start):
    folder = machine(3)
    jobs = [start(folder, visible="2"), start(folder, visible="GPU-aa11")]
    assert [job.got() for job in jobs] == [["GPU-cc33"], ["GPU-aa11"]]
    assert start(folder).got() == ["GPU-bb22"]
    assert start(folder, visible="0,2").says() == "waiting for a free GPU (2 in use)\n"


def test_all_gpus_are_claimed_one_after_the_other_without_deadlock(machine, start):
    folder = machine(3)
    single = start(folder, visible="1")
    assert single.got() == ["GPU-bb22"]
    everything = start(folder, 3)
    assert everything.says() == "waiting for all 3 GPUs\n"
    also = start(folder, 3, visible="2,1,0")
    assert also.says() == "waiting for all 3 GPUs\n"
    single.end()
    assert everything.got() == NAMES
    assert also.process.poll() is None
    everything.end()
    assert also.got() == NAMES[::-1]


def test_many_claims_of_every_kind_come_to_an_end(machine, start):
    folder = machine(2)
    began = time.monotonic()
    jobs = [start(folder, count) for count in (2, 1, 2, 1, 2, 1)]
    for job in jobs:
        job.process.stdin.close()  # each ends as soon as it has its GPUs
    for job, count in zip(jobs, (2, 1, 2, 1, 2, 1), strict=True):
        assert job.process.wait(timeout=PATIENCE) == 0
        assert len(job.got()) == count
    assert time.monotonic() - began < PATIENCE


def test_a_second_claim_of_a_process_takes_from_the_first(machine, monkeypatch):
    folder = machine(2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    first = devices.claim(folder=folder)
    assert [device.uuid for device in first] == ["GPU-bb22"]
    assert devices.claim(folder=folder) == devices.claim(1, folder=folder) == first
    with pytest.raises(OdeltError, match="2 GPUs are asked for and CUDA_VISIBLE_DEVICES=GPU-bb22 shows 1"):
        devices.claim(2, folder=folder)


def test_locks_serve_every_user_of_the_machine(machine):
    folder = machine(1)
    devices.claim(folder=folder)
    assert folder.stat().st_mode & 0o7777 == 0o1777
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o666]


def test_a_lock_that_cannot_be_opened_is_told(machine):
    folder = machine(1)
    folder.mkdir()
    (folder / NAMES[0]).symlink_to(folder / "elsewhere")
    with pytest.raises(OdeltError, match=f"cannot lock .*{NAMES[0]}: .*; remove the folder"):
        devices.claim(folder=folder)


def test_a_job_too_large_for_a_cpu_is_refused_there(machine, monkeypatch):
    monkeypatch.delenv("ODELT_ALLOW_CPU", raising=False)
    gpu = devices.Device(NAMES[0], "NVIDIA H100", 80 << 30)
    devices.check(1e15, ())
    devices.check(1e20, (gpu,))
    with pytest.raises(
        OdeltError, match="there is no GPU here, and on a CPU this job takes about 19 hours .*ALLOW_CPU=1"
    ):
        devices.check(2e15, ())
    with pytest.raises(OdeltError, match="about 39 days"):
        devices.check(1e17, ())
    monkeypatch.setenv("ODELT_ALLOW_CPU", "1")
    devices.check(1e20, ())


def test_a_gpu_that_the_library_does_not_see_is_told():
    device = devices.Device("GPU-1", "NVIDIA H100", None)
    devices.require_seen([device], True, "JAX")
    devices.require_seen([], False, "JAX")  # no GPU here, none claimed
    with pytest.raises(OdeltError, match="JAX sees no GPU, and this machine has NVIDIA H100"):
        devices.require_seen([device], False, "JAX")

"""What a command does for its process."""

import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from odelt.machine import process

FAULTS_OF_A_BLOCK_THAT_IS_FREED_AND_ASKED_FOR_AGAIN = """
import ctypes, resource
from odelt.machine import process
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes, libc.memset.argtypes = [ctypes.c_void_p], [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
process.keep_freed_memory()
faults = []
for _ in range(2):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = libc.malloc(64 << 20)
    libc.memset(block, 1, 64 << 20)
    libc.free(block)
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(*faults)
"""


FAULTS_OF_A_PROGRAM_WITH_LARGE_TEMPORARIES = """
import resource
from odelt.machine import devices, process
process.keep_freed_memory()
devices.start_jax([])
import jax, jax.numpy as jnp
step = jax.jit(lambda x: jnp.sort(jnp.tile(x, (5000, 1)), axis=1)[:, :3].sum())  # 160 MB
x = jnp.arange(8000.0)
faults = []
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    step(x).block_until_ready()
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(faults[0], faults[-1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc's allocator")
@pytest.mark.parametrize(
    "program",
    [FAULTS_OF_A_BLOCK_THAT_IS_FREED_AND_ASKED_FOR_AGAIN, FAULTS_OF_A_PROGRAM_WITH_LARGE_TEMPORARIES],
    ids=["a block", "a program"],
)
def test_memory_that_was_freed_is_not_faulted_in_again(program):
    command = [sys.executable, "-c", program]
    first, second = map(int, subprocess.check_output(command, encoding="utf-8").split())
    assert second < first / 100


@pytest.fixture
def handlers():
    """The handlers of this process, set back afterwards; also where the tests run under nohup."""
    stopping = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {signum: signal.getsignal(signum) for signum in stopping}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)


def test_several_signals_leave_word_once_and_raise_nothing(handlers, capfd):
    with process.noticing_signals() as stopped:
        assert stopped() is None
        for signum in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(os.getpid(), signum)
        assert stopped() == signal.SIGTERM
    assert capfd.readouterr().err.count("stopping after this step") == 1


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_that_follow_the_first_do_not_end_the_cleaning_up(handlers, signum):
    process.clean_up_when_terminated()
    cleaned = False
    with pytest.raises(KeyboardInterrupt):
        try:
            os.kill(os.getpid(), signum)
            time.sleep(1)
        finally:
            for following in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                os.kill(os.getpid(), following)
            cleaned = True
    assert cleaned


def test_a_command_under_nohup_does_not_end_with_its_terminal(handlers):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    process.clean_up_when_terminated()
    with process.noticing_signals() as stopped:
        os.kill(os.getpid(), signal.SIGHUP)
        assert stopped() is None


AT_A_TERMINAL = """
import fcntl, termios, time
from odelt.machine.process import noticing_signals
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
with noticing_signals():
    print("ready", flush=True)
    time.sleep(60)
"""


def test_only_a_ctrl_c_that_a_user_presses_again_stops_at_once():
    user, terminal = pty.openpty()
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), terminal)
    with subprocess.Popen([sys.executable, "-c", AT_A_TERMINAL], start_new_session=True, **streams) as child:
        said = b""
        while b"ready" not in said:
            said += os.read(user, 1000)
        os.write(user, b"\x03\x03")  # a program between the user and this one may pass a signal on twice
        time.sleep(process.PATIENCE + 0.2)
        assert child.poll() is None
        deadline = time.monotonic() + 30
        while child.poll() is None and time.monotonic() < deadline:  # a busy machine may have noticed the first late
            os.write(user, b"\x03")
            time.sleep(0.3)
        assert child.wait(timeout=30) == -signal.SIGINT
    os.close(user)
    os.close(terminal)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_log_on_a_full_disk_is_named_once_and_the_command_says_what_it_has_to_say():
    command = [sys.executable, "-m", "odelt", "--log", "/dev/full", "audit", "nowhere"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    full, verdict = [line for line in done.stderr.splitlines() if line]
    assert full == "odelt: cannot write the log '/dev/full': No space left on device; make room. It ends here"
    assert "nowhere" in verdict and done.returncode != 0

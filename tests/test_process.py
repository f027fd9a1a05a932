"""What a command does for its process."""

import subprocess
import sys

import pytest

FAULTS_OF_A_BLOCK_THAT_IS_FREED_AND_ASKED_FOR_AGAIN = """
import ctypes, resource
from odelt import process
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
from odelt import devices, process
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

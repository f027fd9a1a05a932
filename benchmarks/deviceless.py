"""Programs compiled for a GPU that is not here: by XLA's own compiler for NVIDIA GPUs, from a description of an H100.

It needs JAX's CUDA packages (`make env-full CUDA=1`) and neither a GPU nor a driver. Nothing can be run. Left out are
the trials by which a compiler with a GPU at hand chooses among kernels; products are cuBLAS calls, as on a GPU where
those win.
"""

import contextlib
import importlib.util
import os
import types
from collections.abc import Iterator
from typing import Any
from unittest import mock

import common  # noqa: F401  finds odelt where it is not installed
import jax
from jax.experimental import topologies

from odelt.errors import OdeltError
from odelt.model import dit

# What the compiler asks of a device: the H100 SXM of NVIDIA's data sheet, as OpenXLA's own descriptions put it.
H100 = """
gpu_device_info {
  cuda_compute_capability { major: 9 }
  core_count: 132
  fpus_per_core: 128
  clock_rate_ghz: 1.98
  memory_bandwidth: 3352320000000
  device_memory_size: 84942979072
  l2_cache_size: 52428800
  shared_memory_per_block: 49152
  shared_memory_per_block_optin: 232448
  shared_memory_per_core: 233472
  registers_per_block_limit: 65536
  registers_per_core_limit: 65536
  threads_per_warp: 32
  threads_per_block_limit: 1024
  threads_per_core_limit: 2048
  block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535
  block_dim_limit_z: 65535
}
platform_name: "CUDA"
runtime_version { major: 13 }
dnn_version_info { major: 9 minor: 10 }
device_description_str: "NVIDIA H100 80GB HBM3"
"""


def prepare() -> None:
    """Before anything is computed: JAX's own device is the CPU, also where there is a GPU.

    Raises:
        OdeltError: JAX's CUDA packages are not installed.
    """
    if importlib.util.find_spec("jax_plugins") is None or importlib.util.find_spec("jax_plugins.xla_cuda13") is None:
        raise OdeltError(
            "JAX's CUDA packages are not installed here: rm -rf .venv-full; make env-full CUDA=1, and run this with "
            ".venv-full/bin/python"
        )
    jax.config.update("jax_platforms", "cpu")
    # XLA's own kernels for products have tiles that must be tried out on the device.
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_enable_triton_gemm=false"


@contextlib.contextmanager
def h100() -> Iterator[tuple[str, Any]]:
    """Its name and its sharding, for the shapes that a program is lowered from while this lasts."""
    topology = topologies.get_topology_desc("", "cuda", target_config=H100, topology="1x1x1")
    mesh = topologies.make_mesh(topology, (1,), ("data",))
    (device,) = topology.devices
    choose = dit.attention_kernel
    # A described device tells nothing of CUDA, by which one that is there is known.
    known = types.SimpleNamespace(
        client=types.SimpleNamespace(platform_version="cuda"), compute_capability=device.compute_capability
    )
    with mock.patch.object(dit, "attention_kernel", lambda dtype, width, _: choose(dtype, width, known)):
        yield device.device_kind, jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())

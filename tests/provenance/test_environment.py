"""A record names the variables of the environment that may change a number, and no others."""

import os

import pytest

from odelt.provenance import environment
from odelt.provenance.record import Environment

JAX = ("jax", "numpy")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in environment.settings(environment.VARIABLES):
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    "name, value",
    [
        ("XLA_FLAGS", "--xla_cpu_enable_fast_math=true"),
        ("NVIDIA_TF32_OVERRIDE", "1"),
        ("JAX_ENABLE_SOMETHING_NEW", "1"),
        ("NPY_DISABLE_CPU_FEATURES", "AVX512F"),
    ],
)
def test_a_variable_that_may_change_a_number_is_recorded(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert environment.settings(JAX) == {name: value}
    known = Environment(python="3.11", packages={}, device=None, settings=environment.settings(JAX))
    assert known.model_dump(mode="json")["settings"] == {name: value}


@pytest.mark.parametrize(
    "name",
    ["JAX_PLATFORMS", "JAX_COMPILATION_CACHE_DIR", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "JAX_ENABLE_X64", "HOME"],
)
def test_a_variable_that_changes_no_number_is_not_recorded(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert environment.settings(JAX) == {}


def test_only_variables_of_packages_that_were_used_are_recorded(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    assert environment.settings(["numpy", "pydantic"]) == {}


def test_a_number_of_virtual_devices_is_no_setting_and_paths_lose_their_folders(monkeypatch):
    flags = "--xla_force_host_platform_device_count=8 --xla_dump_to=/some/folder/dump"
    monkeypatch.setenv("XLA_FLAGS", flags)
    assert environment.settings(JAX) == {}
    monkeypatch.setenv("XLA_FLAGS", f"{flags} --xla_gpu_cuda_data_dir=/some/folder/cuda")
    assert environment.settings(JAX) == {"XLA_FLAGS": "--xla_gpu_cuda_data_dir=cuda"}


def test_a_record_without_such_variables_is_as_before():
    """So the seals of older records hold."""
    known = Environment(python="3.11", packages={}, device=None)
    assert set(known.model_dump(mode="json")) == {"python", "packages", "device"}


def test_a_process_is_recorded_with_its_variables(monkeypatch):
    import odelt.training.loop  # noqa: F401 - one of the modules that import jax

    monkeypatch.setitem(os.environ, "XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    known = environment.environment("odelt.commands.training")
    assert known.settings == {"XLA_FLAGS": "--xla_cpu_enable_fast_math=true"}

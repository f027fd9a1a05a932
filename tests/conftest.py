"""What tests share: numbers of the released code (SPEC 10), a tiny network and a tiny suite."""

import ast
import importlib.util
import os
import pathlib

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Caches of the tests' own: what they compile is shared among them, and `odelt clean` in a test leaves the user's alone.
os.environ["XDG_CACHE_HOME"] = str(pathlib.Path(__file__).parents[1] / ".pytest_cache" / "caches")

import checked  # noqa: F401 - before what it checks is imported
import cores  # noqa: F401 - before jax counts them
import numpy as np
import pytest

from odelt.config import Network, Training
from odelt.machine import process

process.share_compiled_programs()  # read when jax is imported
GOLDEN = pathlib.Path(__file__).parent / "golden"
CHECKPOINTS = {"sm": "g2_sm_checkpoint", "sm-numpy1": "g2_sm_checkpoint_numpy1", "odelt": "g2_odelt_checkpoint.pkl"}


def pytest_configure(config):
    """Compiles quickly: tests run each program once, so that optimising it takes longer than it saves.

    JAX reads the flag with its first program. Processes that tests start compile as users' do. An `XLA_FLAGS` of your
    own is left alone; `make slow` runs the golden numbers again as users' programs compute them.
    """
    if "XLA_FLAGS" not in os.environ and config.option.markexpr not in ("torch", "tensorflow"):
        os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0"
        import jax

        jax.jit(lambda x: x + 1)(1)
        del os.environ["XLA_FLAGS"]


def pytest_ignore_collect(collection_path, config):
    """No process imports two worlds: a file of one is read only where `-m` asks for it."""
    if collection_path.suffix == ".py":
        text = collection_path.read_text(encoding="utf-8")
        asked = config.option.markexpr
        return any(f"pytestmark = pytest.mark.{w}" in text and w not in asked for w in ("torch", "tensorflow")) or None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Files that run the real workflow come first, so that no worker is left alone with one at the end.

    Tests that read the golden numbers are marked so. Those of a world that this environment lacks are skipped.
    """
    for item in items:
        if "golden" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.golden)
    items.sort(key=lambda item: item.get_closest_marker("workflow") is None)
    for mark, library in {"torch": "torch", "tensorflow": "tensorflow", "downloads": "gdown"}.items():
        if importlib.util.find_spec(library) is None:
            absent = pytest.mark.skip(
                reason=f"{library} is not in this environment; `make env-full` builds one with it"
            )
            for item in items:
                if item.get_closest_marker(mark):
                    item.add_marker(absent)


def without_zeros(weights: dict) -> dict:
    """Fresh weights with noise: their zeros would hide every mistake before the last layer."""
    import jax

    leaves, tree = jax.tree.flatten(weights)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    noisy = [w + 0.1 * jax.random.normal(key, w.shape) for w, key in zip(leaves, keys, strict=True)]
    return jax.tree.unflatten(tree, noisy)


@pytest.fixture(scope="session")
def golden() -> dict:
    with np.load(GOLDEN / "g2.npz") as file:
        return dict(file)


@pytest.fixture(scope="session")
def golden_config(golden) -> dict:
    return ast.literal_eval(str(golden["config"]))


@pytest.fixture(scope="session")
def imported(tmp_path_factory, golden_config):
    """Model directories made from the three released-format files, by name."""
    from odelt.sources.checkpoints import import_checkpoint

    root = tmp_path_factory.mktemp("imported")
    settings = {"heads": golden_config["heads"], "group": golden_config["group"], "min_length": golden_config["dmin"]}
    for name, file in CHECKPOINTS.items():
        import_checkpoint(GOLDEN / file, root / name, image=(golden_config["size"],) * 2, **settings)
    return root


@pytest.fixture(scope="session", params=CHECKPOINTS)
def golden_model(request, imported, golden):
    """The released code's network from each file; SM's files lack the length table, which is put in."""
    import odelt

    model = odelt.load_model(imported / request.param, "raw")
    table = golden["params/BlockEmbedder_0/Embed_0/embedding"]
    assert ("length_embedding" in model.weights) == (request.param == "odelt")
    model.weights.setdefault("length_embedding", {"embedding": table})
    return model


@pytest.fixture(scope="session")
def baselines() -> dict:
    """Numbers of SM's own code for its baselines."""
    with np.load(GOLDEN / "sm_baselines.npz") as file:
        return dict(file)


@pytest.fixture(scope="session")
def baseline_models(baselines) -> dict:
    """Their three sets of weights, of one conventional network: student, ema and teacher."""
    from odelt.model import Model
    from odelt.sources.checkpoints import rename

    sizes = ast.literal_eval(str(baselines["config"]))
    config = Network(
        **{"width": sizes["hidden"], "heads": sizes["heads"], "depth": sizes["depth"], "group": 1, "min_length": 1},
        **{"channels": sizes["ch"], "classes": sizes["classes"], "image": (sizes["size"],) * 2},
    )
    names = ("student", "ema", "teacher")
    return {name: Model(config, rename(case_of(baselines, name), name)) for name in names}


def case_of(arrays: dict, name: str) -> dict:
    """The arrays below this name."""
    return {path.removeprefix(f"{name}/"): array for path, array in arrays.items() if path.startswith(f"{name}/")}


@pytest.fixture(scope="session")
def small_network() -> Network:
    return Network(width=16, heads=2, depth=4, group=2, min_length=2, channels=1, classes=10, image=(4, 4))


def small_training(**changes) -> Training:
    return Training(**{"steps": 20, "learning_rate": 1e-3, "warmup_steps": 2, "batch_size": 16, **changes})


def relative_error(value, reference) -> float:
    value, reference = np.asarray(value, np.float64), np.asarray(reference, np.float64)
    return float(np.linalg.norm(value - reference) / np.linalg.norm(reference))

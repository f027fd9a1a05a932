"""Fabricates the stand-ins of the rehearsal: `python -m rehearsal.world DIR`, the same to the byte each time.

`DIR/<source>/…` is what the stand-in network answers for a source of config/sources.yaml; ImageNet's tar lies in DIR
itself, where config/rehearsal.yaml says that the user put it. Two checkpoints are the released code's own
(tests/golden), so that the rehearsal's rules can be held to its numbers.
"""

import pathlib
import pickle
import shutil
import sys

import jax
import numpy as np
import optax

from odelt.config import Network, load_suite, network_of
from odelt.config.registry import Registry, load_registry
from odelt.model import weights as model_weights
from odelt.sources.checkpoints import BLOCK_PARTS, PARTS
from rehearsal import images, vision

SUITE = pathlib.Path("config/rehearsal.yaml")
GOLDEN = pathlib.Path("tests/golden")
RELEASED = {"sm-imagenet-b": "g2_sm_checkpoint", "odelt-imagenet-b": "g2_odelt_checkpoint.pkl"}
TIMESTAMP = "2024-10-12T00:00:00"
IMAGES_PER_CLASS = 6
FACES = 24
FEATURES = 2048


DATASETS = {  # by kind
    "imagenet": lambda dataset, out: images.write_imagenet_tar(
        pathlib.Path(dataset.path), dataset.classes, IMAGES_PER_CLASS, seed=0
    ),
    "celebahq": lambda dataset, out: images.write_celebahq_parquet(
        out / dataset.source, FACES, dataset.image[0], seed=0
    ),
}


def write_world(out: pathlib.Path) -> None:
    suite = load_suite(SUITE)
    registry = load_registry(suite.downloads.registry)
    if out.exists():
        shutil.rmtree(out)
    for k, experiment in enumerate(suite.enabled.values()):
        for model in experiment.models.values():
            if model.source:
                _checkpoint(
                    _place(out, registry, model.source), model.source, network_of(experiment), model.inner_ode, k
                )
        for n, reference in enumerate(experiment.features.references.values()):
            _statistics(_place(out, registry, reference), seed=10 * k + n)
        DATASETS[str(experiment.dataset.kind)](experiment.dataset, out)
    first = next(iter(suite.enabled.values()))
    vision.write_vae(out / first.codec.source, seed=0)
    vision.write_inception(_place(out, registry, first.features.weights), seed=0)
    vision.write_torchscript(_place(out, registry, first.features.torchscript), seed=0)


def _place(out: pathlib.Path, registry: Registry, name: str) -> pathlib.Path:
    path = out / name / registry[name].file
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _checkpoint(path: pathlib.Path, name: str, network: Network, inner_ode: bool, seed: int) -> None:
    """A released checkpoint's layout (SPEC 8), with random weights."""
    if name in RELEASED:
        shutil.copyfile(GOLDEN / RELEASED[name], path)
        return
    params = _linen_names(_random_weights(network, seed, inner_ode))
    state = {
        "params": params,
        "params_ema": jax.tree.map(lambda leaf: leaf / 2, params),  # so that mixing the two up shows
        "opt_state": jax.tree.map(np.asarray, optax.adamw(1e-4).init(params)),
        "step": 100,
    }
    content = {**state, "_timestamp": TIMESTAMP} if inner_ode else {"train_state": state, "_timestamp": TIMESTAMP}
    with path.open("wb") as file:
        pickle.dump(content, file)


def _random_weights(network: Network, seed: int, length_table: bool) -> model_weights.Weights:
    """Initial weights with nothing left at zero, or every velocity would be."""
    weights = model_weights.flatten(model_weights.initial_weights(network, seed, length_table=length_table))
    random = np.random.default_rng(seed)
    noisy = {path: leaf + 0.02 * random.standard_normal(leaf.shape) for path, leaf in sorted(weights.items())}
    return {path: np.asarray(leaf, np.float32) for path, leaf in noisy.items()}


def _linen_names(weights: dict[str, np.ndarray]) -> dict:
    """Our flat names as Flax linen's automatic ones, nested: what `odelt.sources.checkpoints.rename` undoes."""
    parts = {ours: theirs for theirs, ours in PARTS.items()}
    block_parts = {ours: theirs for theirs, ours in BLOCK_PARTS.items()}
    named = {"Embed_0/embedding": np.zeros((256, 1), np.float32)}
    for path, leaf in weights.items():
        part, _, kind = path.rpartition("/")
        if part.startswith("blocks/"):
            for k, block in enumerate(leaf):
                named[f"DiTBlock_{k}/{block_parts[part.removeprefix('blocks/')]}/{kind}"] = block
        else:
            named[f"{parts[part]}/{kind}"] = leaf
    kernel = named["PatchEmbed_0/Conv_0/kernel"]
    side = 2  # of a patch
    named["PatchEmbed_0/Conv_0/kernel"] = kernel.reshape(side, side, -1, kernel.shape[-1])
    return model_weights.unflatten(named)


def _statistics(path: pathlib.Path, seed: int) -> None:
    """Mean and covariance of features, as the downloaded npz files hold them."""
    random = np.random.default_rng(seed)
    scales = random.uniform(0.05, 0.5, FEATURES)
    np.savez(path, mu=random.uniform(0.1, 0.9, FEATURES), sigma=np.diag(scales**2))


if __name__ == "__main__":
    write_world(pathlib.Path(sys.argv[1]))

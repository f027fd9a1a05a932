"""The in-domain feature network of a small dataset: the hidden layer of a classifier trained on its real images."""

import warnings

import numpy as np
import safetensors
import safetensors.numpy

from odelt import files, provenance
from odelt.config import FeatureNetwork
from odelt.data.dataset import Dataset
from odelt.errors import OdeltError

NAMES = ("kernel", "bias")


def fit(dataset: Dataset, settings: FeatureNetwork) -> dict[str, np.ndarray]:
    """The hidden layer (kernel [pixels, F], bias [F]) of a multilayer perceptron that tells the classes apart."""
    import sklearn.exceptions  # takes seconds, and `features` needs none of it
    import sklearn.neural_network

    classifier = sklearn.neural_network.MLPClassifier(
        (settings.hidden,), max_iter=settings.epochs, random_state=settings.seed
    )
    with warnings.catch_warnings():  # a fixed number of epochs is what is asked for
        warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
        classifier.fit(_flat(dataset.images), dataset.labels)
    return {"kernel": classifier.coefs_[0].astype(np.float32), "bias": classifier.intercepts_[0].astype(np.float32)}


def features(network: dict[str, np.ndarray], images: np.ndarray) -> np.ndarray:
    """float32 [N, F]: the hidden layer's activations of images [N, H, W, C], clipped to [-1, 1] first."""
    return np.maximum(_flat(images) @ network["kernel"] + network["bias"], 0)


def save(path: files.Path, network: dict[str, np.ndarray]) -> None:
    with files.writing(path) as draft:
        safetensors.numpy.save_file(network, draft)


def load(path: files.Path) -> dict[str, np.ndarray]:
    files.require_regular(path, "feature network")
    provenance.used(path)
    try:
        network = safetensors.numpy.load_file(path)
        return {name: network[name] for name in NAMES}
    except (OSError, KeyError, safetensors.SafetensorError) as error:
        raise OdeltError(f"{path} is no feature network: {error}; make it again") from None


def _flat(images: np.ndarray) -> np.ndarray:
    return np.clip(images, -1, 1).reshape(len(images), -1)

"""The in-domain feature network of a small dataset: the hidden layer of a classifier trained on its real images."""

import warnings

import numpy as np

from odelt import files, tensors
from odelt.config import FeatureNetwork
from odelt.data.dataset import LabelledImages
from odelt.errors import OdeltError

NAMES = ("kernel", "bias")


def fit(dataset: LabelledImages, settings: FeatureNetwork) -> dict[str, np.ndarray]:
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
        tensors.save(draft, network)


def load(path: files.Path) -> dict[str, np.ndarray]:
    """The network in a file; OdeltError where it is damaged, not finite or of something else."""
    with tensors.opened(path, "feature network") as views:
        shapes = [view.get_shape() for view in map(views.get, NAMES) if view is not None]
        if [len(shape) for shape in shapes] != [2, 1] or shapes[0][1] != shapes[1][0]:
            raise OdeltError(f"{path} is no feature network: it has no kernel [pixels, F] and bias [F]; make it again")
        network = {name: views[name][:] for name in NAMES}
    for name, array in network.items():
        if not tensors.is_finite(array):
            raise OdeltError(f"{path}: '{name}' holds values that are not finite; make it again")
    return network


def _flat(images: np.ndarray) -> np.ndarray:
    return np.clip(images, -1, 1).reshape(len(images), -1)

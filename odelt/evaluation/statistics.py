"""Mean and covariance of features that come batch by batch, in float64 (SPEC 6)."""

from typing import Any

from jaxtyping import Float64

from odelt.errors import OdeltError
from odelt.evaluation.frechet import Gaussian


class Running:
    """Count, mean [F] and scatter [F, F] (sum of the centred outer products) of all rows so far; none at first.

    Two sets are joined by the pairwise update of Chan, Golub and LeVeque (1983), which never subtracts large sums
    from each other; memory does not depend on the number of rows. Rows are arrays of numpy or of PyTorch, whose sums
    stay on their device.
    """

    def __init__(self):
        self.count = 0
        self.mean: Any = 0.0  # of no rows, and so of any width
        self.scatter: Any = 0.0

    def update(self, features: Float64[Any, "images features"]) -> None:
        """Adds rows, of which there may be none."""
        if len(features):
            mean = features.mean(axis=0)
            centred = features - mean
            self._join(len(features), mean, centred.T @ centred)

    def merge(self, other: "Running") -> None:
        """Adds all rows of another set."""
        if other.count:
            self._join(other.count, other.mean, other.scatter)

    def gaussian(self) -> Gaussian:
        """Mean and covariance (with N − 1).

        Raises:
            OdeltError: there are fewer than two rows.
        """
        if self.count < 2:
            raise OdeltError(f"a covariance needs at least two images, and there are {self.count}")
        return Gaussian(self.mean, self.scatter / (self.count - 1))

    def _join(self, count: int, mean: Float64[Any, " features"], scatter: Float64[Any, "features features"]) -> None:
        total = self.count + count
        apart = mean - self.mean
        self.scatter = self.scatter + scatter
        self.scatter += apart[:, None] * (apart * (self.count * count / total))
        self.mean = self.mean + apart * (count / total)
        self.count = total

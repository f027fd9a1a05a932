"""All devices of a machine at once: the rows of a batch are spread over them, along the mesh axis `data`.

This module only says on which devices arrays are; the compiler makes a program that computes the same numbers there.
With one device it says nothing, and every program is exactly what it would be without this module.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from odelt.errors import OdeltError

AXIS = "data"
Sharding = Literal["none", "data", "full"]
Tree = Any  # a nested structure of arrays


@dataclasses.dataclass(frozen=True)
class Placement:
    """The devices of a program's arrays; without a mesh, the default device."""

    mesh: Mesh | None = None
    state_in_parts: bool = False  # each device keeps its share of the state, not all of it

    @property
    def devices(self) -> int:
        return 1 if self.mesh is None else self.mesh.size

    def check_rows(self, count: int, what: str) -> None:
        if count % self.devices:
            raise OdeltError(
                f"{what} {count} cannot be shared evenly by {self.devices} devices; choose a multiple of {self.devices}"
            )

    def put_rows(self, tree: Tree) -> Tree:
        """A batch from the host, spread over the devices by rows; where these do not divide, all of it on each."""
        if self.mesh is None:
            return tree
        return jax.device_put(tree, jax.tree.map(lambda a: self._over(0 if len(a) % self.devices == 0 else None), tree))

    def put_state(self, tree: Tree) -> Tree:
        return tree if self.mesh is None else jax.device_put(tree, jax.tree.map(self._of_state, tree))

    def put_whole(self, tree: Tree) -> Tree:
        """All of it on each device."""
        return tree if self.mesh is None else jax.device_put(tree, self._over(None))

    def rows(self, tree: Tree) -> Tree:
        """Inside a compiled program: spread by rows, in equal shares but for the last."""
        return self._constrain(tree, lambda a: self._over(0))

    def state(self, tree: Tree) -> Tree:
        """Inside a compiled program: as `put_state` places it."""
        return self._constrain(tree, self._of_state)

    def whole(self, tree: Tree) -> Tree:
        """Inside a compiled program: all of it on each device, for instance weights that are about to be used."""
        return self._constrain(tree, lambda a: self._over(None))

    def _constrain(self, tree: Tree, sharding) -> Tree:
        if self.mesh is None:
            return tree
        return jax.lax.with_sharding_constraint(tree, jax.tree.map(sharding, tree))

    def _of_state(self, array: jax.Array) -> NamedSharding:
        """Along the largest axis that the devices divide; whole where there is none."""
        divisible = [axis for axis, size in enumerate(array.shape) if size % self.devices == 0]
        if not self.state_in_parts or not divisible:
            return self._over(None)
        return self._over(max(divisible, key=lambda axis: array.shape[axis]))

    def _over(self, axis: int | None) -> NamedSharding:
        """Split along this axis; None: whole on each device."""
        assert self.mesh is not None  # without one nothing is placed
        spec = PartitionSpec() if axis is None else PartitionSpec(*[None] * axis, AXIS)
        return NamedSharding(self.mesh, spec)


ONE_DEVICE = Placement()


def make_placement(
    sharding: Sharding | None = None,
    devices: Sequence[jax.Device] | None = None,  # pyright: ignore[reportInvalidTypeForm] - its own module loses it
) -> Placement:
    """Returns the placement on `devices`, by default all of this machine.

    "none" uses one device only. "data" spreads rows, and keeps the state (weights, their average, the optimiser's
    moments) whole on each device. "full" keeps only a share of the state on each device, and gathers the weights and
    their average for the time of each step. None is "data".
    """
    devices = jax.local_devices() if devices is None else devices
    if sharding == "none" or len(devices) == 1:
        return ONE_DEVICE
    mesh = Mesh(np.array(devices), (AXIS,), axis_types=(AxisType.Auto,))
    return Placement(mesh, state_in_parts=sharding == "full")

"""Solvers of the outer ODE dx/dt = v(x, t, d, y), t = 0 noise to t = 1 data, each one compiled program (SPEC 5)."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Float32, Int, Integer, Real

from odelt.config import Solver
from odelt.errors import OdeltError
from odelt.machine import numerics
from odelt.machine.sharding import AXIS, ONE_DEVICE, Placement
from odelt.model import Model, arguments, held
from odelt.sampling import guidance as cfg
from odelt.sampling.noise import fresh_noise
from odelt.solvers import Method


@numerics.pinned()
def integrate(
    model: Model,
    x0,
    y,
    solver: str | Solver = "euler:128",
    length: int | None = None,
    guidance: float = 1.0,
    d: int | None = None,
    seed: int = 0,
    noise=None,
) -> Float32[jax.Array, "batch height width channels"]:
    """Integrates noise x0 to data; an adaptive solver takes the whole array as one system, with one step size.

    Args:
        x0: [N, H, W, C] noise, finite.
        y: [N] or scalar, class labels of an integer type; `model.config.classes` is the null label.
        solver: `euler:T`, `consistency:T`, `dopri5:TOL` or another of `odelt.solvers.SOLVERS`.
        length: an allowed length, or None for the conventional path.
        guidance: classifier-free guidance scale, at least 0; 0 is unconditional, 1 conditional.
        d: step-size condition 0..7; where nothing is said Euler's is floor(log2 T), at most 7, and that of other
            solvers 7 (SPEC 9.2: the release uses 0 there). A network that was trained with fewer conditions gets one
            of those.
        seed: of the noise that `consistency:T` draws for each step: that of `generate` for its first N samples.
        noise: [T, N, H, W, C], in place of that.

    Raises:
        OdeltError: an argument of another shape, type or range, a solver or a condition that makes no sense for the
            objective that the network was trained with, or an adaptive solver that gave up.
    """
    x0 = arguments.images("x0", x0, model.config)
    y = arguments.labels(y, len(x0), model.config.classes)
    prepared = program(model, Solver.parse(solver), length, guidance, d, as_one=True)
    solution = prepared.run(x0, y, _fresh_noise(prepared.solver, x0, model.config.classes, seed, noise))
    solution.evaluations()  # an adaptive solver may have given up
    return solution.x1


def _fresh_noise(solver: Solver, x0: jax.Array, classes: int, seed: int, noise) -> jax.Array | np.ndarray | None:
    """The noise [N, T, H, W, C] that the solver takes: what is given as [T, N, H, W, C], or what the seed draws."""
    if noise is None:
        return fresh_noise(arguments.seed(seed), range(len(x0)), x0.shape[1:], classes, solver.noises)
    if not solver.noises:
        raise OdeltError(f"noise: solver '{solver}' takes none; leave it out")
    return arguments.noise(noise, (solver.noises, *x0.shape)).swapaxes(0, 1)


class Program(NamedTuple):
    """The arguments of `integrated` but for what is drawn; the static ones decide what is compiled."""

    static: tuple
    dynamic: tuple
    solver: Solver
    placement: Placement = ONE_DEVICE

    def on(self, placement: Placement) -> "Program":
        """The program on several devices, with the weights on each: each runs it on rows of its own."""
        weights, *rest = self.dynamic
        return self._replace(dynamic=(placement.put_whole(weights), *rest), placement=placement)

    def run(self, x0, y, noise=None) -> "Solution":
        """Starts it on noise [N, H, W, C] and labels [N], without waiting for a GPU; several devices share the rows.

        A solver that takes noise gets `noise`, [N, T, H, W, C].
        """
        if self.placement.mesh is None:
            return Solution(self.solver, *integrated(*self.static, *self.dynamic, x0, y, noise))
        rows = self.placement.put_rows((x0, y, noise))
        return Solution(self.solver, *_on_each_device(self.static, self.placement.mesh, self.dynamic, *rows))


class Solution(NamedTuple):
    """What a program is making: data at t = 1, and the solver's steps, of each row or of all, −1: it gave up."""

    solver: Solver
    x1: Float32[jax.Array, "batch height width channels"]
    steps: Int[jax.Array, "#batch"] | Int[jax.Array, ""]

    def evaluations(self) -> Integer[np.ndarray, " batch"]:
        """Of the vector field, for each row; with guidance each is one doubled batch. Waits for an adaptive solver.

        Raises:
            OdeltError: the solver gave up.
        """
        steps = self.solver.parameter if self.solver.method.fixed else np.asarray(self.steps)
        if np.min(steps) < 0:
            raise OdeltError(f"solver '{self.solver}' gave up before t = 1: too many steps; use a larger tolerance")
        return np.broadcast_to(self.solver.method.evaluations(steps), self.x1.shape[:1])


def program(
    model: Model, solver: Solver, length: int | None, guidance: float, d: int | None, *, as_one: bool
) -> Program:
    """What integrates noise [N, H, W, C] with labels [N], all rows `as_one` system or each on its own.

    d None is the solver's own, as far as the network was trained with it.
    """
    model.objective.check_solver(solver)
    if length is not None:
        model.require_inner_ode()
    length, guidance, d = arguments.length(length, model.config), arguments.guidance(guidance), arguments.step_size(d)
    field = Field(model.structure, length, cfg.mode_of(guidance))
    dynamic = (model.held_for(length), guidance, solver.parameter, float(model.condition(d, solver.d)))
    return Program((field, solver.method, as_one or not solver.method.can_be_joint), dynamic, solver)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _on_each_device(static: tuple, mesh: Mesh, dynamic: tuple, x0, y, noise):
    """The very program of one device, on each device: the same kernels, so that rounding is the same too."""
    rows = PartitionSpec(AXIS)

    def on_one(dynamic, *drawn):
        x1, steps = integrated(*static, *dynamic, *drawn)
        return x1, jnp.broadcast_to(steps, x1.shape[:1])

    # Nothing is exchanged between devices; the check of that does not know a solver's loops.
    spread = jax.shard_map(
        on_one, mesh=mesh, in_specs=(PartitionSpec(), rows, rows, rows), out_specs=rows, check_vma=False
    )
    return spread(dynamic, x0, y, noise)


class Field(NamedTuple):
    """What is compiled into the vector field; weights and guidance scale are given when it runs."""

    structure: held.Structure
    length: int | None
    mode: cfg.Mode

    def bind(self, weights, guidance, d: Real[jax.Array, " steps"], y: Int[jax.Array, " batch"]) -> held.Velocity:
        at_labels = functools.partial(held.field, self.structure, weights, self.length, d)
        return cfg.guided(at_labels, self.mode, guidance, self.structure.config.classes, y)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def integrated(field: Field, method: Method, as_one: bool, weights, guidance, parameter, d, x0, y, noise):
    """Data and numbers of steps, of all rows as one system or of each on its own.

    Neither the solver's parameter nor d is compiled in.
    """

    def one_system(x0, y):
        velocity = field.bind(weights, guidance, jnp.asarray(d, jnp.float32)[None], y)
        return method.integrate(velocity, x0, parameter, *([noise] if method.takes_noise else []))

    if as_one:
        return one_system(x0, y)
    x1, steps = jax.vmap(one_system)(x0[:, None], y[:, None])
    return x1[:, 0], steps

"""Solvers of the outer ODE dx/dt = v(x, t, d, y), t = 0 noise to t = 1 data, each one compiled program (SPEC 5)."""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from jax.stages import Wrapped
from jaxtyping import Float32, Int, Integer, Real

from odelt.config import FINEST_D, Solver
from odelt.errors import OdeltError
from odelt.machine import numerics
from odelt.machine.sharding import AXIS, ONE_DEVICE, Placement
from odelt.model import Model, arguments, held
from odelt.quoting import quoted
from odelt.sampling import guidance as cfg

MAX_ADAPTIVE_STEPS = 16384


@numerics.pinned()
def integrate(
    model: Model,
    x0,
    y,
    solver: str | Solver = "euler:128",
    length: int | None = None,
    guidance: float = 1.0,
    d: int | None = None,
) -> Float32[jax.Array, "batch height width channels"]:
    """Integrates noise x0 to data; an adaptive solver takes the whole array as one system, with one step size.

    Args:
        x0: [N, H, W, C] noise, finite.
        y: [N] or scalar, class labels of an integer type; `model.config.classes` is the null label.
        solver: `euler:T`, `dopri5:TOL` or `tsit5:TOL`.
        length: an allowed length, or None for the conventional path.
        guidance: classifier-free guidance scale, at least 0; 0 is unconditional, 1 conditional.
        d: step-size condition 0..7; where nothing is said Euler's is log2 T, and that of adaptive solvers 7 (SPEC
            9.2: the release uses 0 there). A network that was trained with fewer conditions gets one of those.

    Raises:
        OdeltError: an argument of another shape, type or range, a solver or a condition that makes no sense for the
            objective that the network was trained with, or an adaptive solver that gave up.
    """
    x0 = arguments.images("x0", x0, model.config)
    y = arguments.labels(y, len(x0), model.config.classes)
    run = program(model, as_solver(solver), length, guidance, d, joint=True).run(x0, y)
    run.evaluations()  # an adaptive solver may have given up
    return run.x1


def as_solver(solver: str | Solver) -> Solver:
    if not isinstance(solver, str | Solver):
        raise OdeltError(f"solver {quoted(solver)}: a text is needed, for example 'euler:4'")
    return Solver.parse(str(solver))


class Program(NamedTuple):
    """A jitted solver and its arguments, weights first; the static ones decide what is compiled."""

    function: Wrapped
    static: tuple
    dynamic: tuple
    solver: Solver
    placement: Placement = ONE_DEVICE

    def on(self, placement: Placement) -> "Program":
        """The program on several devices, with the weights on each: each runs it on rows of its own."""
        weights, *rest = self.dynamic
        return self._replace(dynamic=(placement.put_whole(weights), *rest), placement=placement)

    def run(self, x0, y) -> "Run":
        """Starts it on noise [N, H, W, C] and labels [N], without waiting for a GPU; several devices share the rows."""
        if self.placement.mesh is None:
            return Run(self.solver, *self.function(*self.static, *self.dynamic, x0, y))
        rows = self.placement.put_rows((x0, y))
        return Run(self.solver, *_on_each_device(self.function, self.static, self.placement.mesh, self.dynamic, *rows))


class Run(NamedTuple):
    """What a program was started to make: data, and the solver's steps, of each row or of all, −1: it gave up."""

    solver: Solver
    x1: Float32[jax.Array, "batch height width channels"]
    steps: Int[jax.Array, "#batch"] | Int[jax.Array, ""]

    def evaluations(self) -> Integer[np.ndarray, " batch"]:
        """Of the vector field, for each row; with guidance each is one doubled batch. Waits for an adaptive solver.

        Raises:
            OdeltError: the solver gave up.
        """
        rows = self.x1.shape[:1]
        if not self.solver.adaptive:
            return np.full(rows, self.solver.steps)
        steps = np.broadcast_to(self.steps, rows)
        if (steps < 0).any():
            raise OdeltError(
                f"solver '{self.solver}' did not reach t = 1 within {MAX_ADAPTIVE_STEPS} steps; use a larger tolerance"
            )
        return 1 + 6 * steps  # one opens the first step; each takes six more, and its last is the next one's first


def program(
    model: Model, solver: Solver, length: int | None, guidance: float, d: int | None, *, joint: bool
) -> Program:
    """What integrates noise [N, H, W, C] with labels [N]; `joint` controls all rows' adaptive steps as one.

    d None is Euler's own, log2 T, and for adaptive solvers the finest, as far as the network was trained with it.
    """
    model.objective.check_solver(solver)
    if length is not None:
        model.require_inner_ode()
    length, guidance, d = arguments.length(length, model.config), arguments.guidance(guidance), arguments.step_size(d)
    field = Field(model.structure, length, cfg.mode_of(guidance))
    weights = model.held_for(length)
    if solver.steps is not None:
        condition = float(model.condition(d, int(math.log2(solver.steps))))
        return Program(_euler, (field,), (weights, guidance, solver.steps, condition), solver)
    dynamic = (weights, guidance, solver.tolerance, float(model.condition(d, FINEST_D)))
    return Program(_adaptive, (field, solver.method, joint), dynamic, solver)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _on_each_device(function: Callable, static: tuple, mesh: Mesh, dynamic: tuple, x0, y):
    """The very program of one device, on each device: the same kernels, so that rounding is the same too."""
    rows = PartitionSpec(AXIS)

    def on_one(dynamic, x0, y):
        x1, steps = function(*static, *dynamic, x0, y)
        return x1, jnp.broadcast_to(steps, x1.shape[:1])

    # Nothing is exchanged between devices; the check of that does not know a solver's loops.
    spread = jax.shard_map(on_one, mesh=mesh, in_specs=(PartitionSpec(), rows, rows), out_specs=rows, check_vma=False)
    return spread(dynamic, x0, y)


class Field(NamedTuple):
    """What is compiled into the vector field; weights and guidance scale are given when it runs."""

    structure: held.Structure
    length: int | None
    mode: cfg.Mode

    def bind(self, weights, guidance, d: Real[jax.Array, " steps"], y: Int[jax.Array, " batch"]) -> held.Velocity:
        at_labels = functools.partial(held.field, self.structure, weights, self.length, d)
        return cfg.guided(at_labels, self.mode, guidance, self.structure.config.classes, y)


@functools.partial(jax.jit, static_argnums=0)
def _euler(field: Field, weights, guidance, steps, d, x0, y):
    """x ← x + v(x, i/T, d, y)/T for i = 0..T−1; neither the number of steps nor d (log2 T) is compiled in."""
    velocity = field.bind(weights, guidance, jnp.asarray(d, jnp.float32)[None], y)

    def step(i, x):
        return x + velocity(x, (i / steps)[None].astype(jnp.float32)) / steps

    return jax.lax.fori_loop(0, steps, step, x0), jnp.asarray(steps)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _adaptive(field: Field, method: str, joint: bool, weights, guidance, tolerance, d, x0, y):
    """PID step-size control with default coefficients, rtol = atol, and the initial step chosen by the solver."""
    solver = {"dopri5": diffrax.Dopri5, "tsit5": diffrax.Tsit5}[method]()

    def one_system(x0, y):
        velocity = field.bind(weights, guidance, jnp.asarray(d)[None], y)
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, x, _: velocity(x, jnp.asarray(t, jnp.float32)[None])),
            solver,
            t0=0.0,
            t1=1.0,
            dt0=None,
            y0=x0,
            stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
            max_steps=MAX_ADAPTIVE_STEPS,
            throw=False,
        )
        assert solution.ys is not None  # nothing was said of what to save, so it is the end
        reached = solution.result == diffrax.RESULTS.successful
        return solution.ys[0], jnp.where(reached, solution.stats["num_steps"], -1)

    if joint:
        return one_system(x0, y)
    x1, steps = jax.vmap(one_system)(x0[:, None], y[:, None])
    return x1[:, 0], steps

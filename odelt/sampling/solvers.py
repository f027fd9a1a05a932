"""Solvers of the outer ODE dx/dt = v(x, t, d, y) from t = 0 (noise) to t = 1 (data), each one compiled program (SPEC 5)."""

import functools

import diffrax
import jax
import jax.numpy as jnp
from flax import nnx

from odelt.config import FINEST_D, Solver
from odelt.errors import OdeltError
from odelt.model import Model, check_labels
from odelt.model.inner_ode import forward
from odelt.sampling import guidance as cfg

MAX_ADAPTIVE_STEPS = 16384


def integrate(
    model: Model,
    x0,
    y,
    solver: str | Solver = "euler:128",
    length: int | None = None,
    guidance: float = 1.0,
    d: int = FINEST_D,
) -> jax.Array:
    """Integrates noise x0 to data; an adaptive solver takes the whole array as one system, with one step size.

    Args:
        x0: [N, H, W, C] noise.
        y: [N] or scalar, class labels.
        solver: `euler:T` (conditioned on d = log2 T), `dopri5:TOL` or `tsit5:TOL` (conditioned on `d`).
        length: an allowed length, or None for the conventional path.
        guidance: classifier-free guidance scale; 0 is unconditional, 1 conditional.
        d: step-size condition 0..7 of adaptive solvers (SPEC 9.2: the release uses 0).

    Returns:
        [N, H, W, C] float32.

    Raises:
        OdeltError: an unknown solver, a length or label that is not allowed, or an adaptive solver that gave up.
    """
    x0 = jnp.asarray(x0, jnp.float32)
    y = jnp.broadcast_to(jnp.asarray(y, jnp.int32), x0.shape[:1])
    check_labels(model, y)
    return solve(model, x0, y, as_solver(solver), length, guidance, d, joint=True)[0]


def as_solver(solver: str | Solver) -> Solver:
    return Solver.parse(solver) if isinstance(solver, str) else solver


def solve(
    model: Model, x0: jax.Array, y: jax.Array, solver: Solver, length: int | None, guidance: float, d: int, *, joint: bool
) -> tuple[jax.Array, jax.Array]:
    """Data [N, H, W, C] and the number of evaluations of the vector field [N] that it took.

    With guidance an evaluation is one doubled batch. `joint` (adaptive solvers) controls all rows' steps as one.
    """
    if length is not None:
        model.require_inner_ode()
        model.config.check_length(length)
    if not 0 <= d <= FINEST_D:
        raise OdeltError(f"d = {d}: the step-size condition goes from 0 to {FINEST_D}")
    static = (model.graph, model.config.group, length, cfg.mode_of(guidance), model.config.classes)
    if not solver.adaptive:
        return _euler(static, model.weights, x0, y, guidance, solver.steps), jnp.full(x0.shape[0], solver.steps)
    x1, steps, failed = _adaptive(static, solver.method, joint, model.weights, x0, y, guidance, solver.tolerance, float(d))
    if failed.any():
        raise OdeltError(f"solver '{solver}' did not reach t = 1 within {MAX_ADAPTIVE_STEPS} steps; use a larger tolerance")
    # Two evaluations choose the first step, one opens it, and each step takes six more (first same as last).
    return x1, jnp.broadcast_to(3 + 6 * steps, x0.shape[:1])


def _field(static, weights, guidance) -> cfg.Velocity:
    graph, group, length, mode, null = static
    network = nnx.merge(graph, weights)
    return cfg.guided(lambda x, t, d, y: forward(network, x, t, d, y, length, group=group), mode, guidance, null)


@functools.partial(jax.jit, static_argnums=0)
def _euler(static, weights, x0, y, guidance, steps):
    """x ← x + v(x, i/T, log2 T, y)/T for i = 0..T−1; the number of steps is not compiled in."""
    field = _field(static, weights, guidance)
    d = jnp.log2(jnp.asarray(steps, jnp.float32))[None]

    def step(i, x):
        return x + field(x, (i / steps)[None].astype(jnp.float32), d, y) / steps

    return jax.lax.fori_loop(0, steps, step, x0)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _adaptive(static, method, joint, weights, x0, y, guidance, tolerance, d):
    """PID step-size control with default coefficients, rtol = atol, and the initial step chosen by the solver."""
    field = _field(static, weights, guidance)
    solver = {"dopri5": diffrax.Dopri5, "tsit5": diffrax.Tsit5}[method]()

    def one_system(x0, y):
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, x, y: field(x, jnp.asarray(t, jnp.float32)[None], jnp.asarray(d)[None], y)),
            solver,
            t0=0.0,
            t1=1.0,
            dt0=None,
            y0=x0,
            args=y,
            stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
            max_steps=MAX_ADAPTIVE_STEPS,
            throw=False,
        )
        return solution.ys[0], solution.stats["num_steps"], solution.result != diffrax.RESULTS.successful

    if joint:
        return one_system(x0, y)
    x1, steps, failed = jax.vmap(one_system)(x0[:, None], y[:, None])
    return x1[:, 0], steps, failed

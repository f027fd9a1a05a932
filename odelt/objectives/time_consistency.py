"""Time consistency (SPEC 4.2): one step of 2^-d learns to equal two half-steps of the teacher."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int, Key

from odelt.objectives.bootstrap import GUIDED, PLAIN
from odelt.objectives.objective import Bootstrap, Settings
from odelt.objectives.rows import Draw, Ema, Given, Images, Labels, PerRow, Rows, grid_times, interpolate, over_image
from odelt.solvers import FINEST_D

# At a half-step the teacher is asked for more rows than the batch has.
Asked = tuple[
    Float[jax.Array, "asked height width channels"],
    Float[jax.Array, " asked"],
    Float[jax.Array, " asked"],
    Int[jax.Array, " asked"],
]


def rows(draw: Draw) -> tuple[Rows, Any]:
    """Makes the student's rows with their targets. Also returns the replies to the draw's questions."""
    drawn = draw_rows(draw.key, draw.x0, draw.x1, draw.y, draw.settings)
    walk = Walk(drawn, draw.settings.bootstrap, draw.settings.guidance, draw.null)
    made, replies = target(walk, draw.ask, draw.questions)
    return drawn._replace(target=made), replies


def target_of(given: Given) -> tuple[Images, Images]:
    """Makes x_t and the target at given d: the plain one or, with guidance, the guided copy's."""
    assert given.d is not None
    x = interpolate(given.x0, given.x1, given.t)
    rows = Rows(x, given.t, given.d, given.y, jnp.zeros_like(x))
    rule = PLAIN if given.guidance == 1 else GUIDED
    if rule.pairs:
        rows = jax.tree.map(lambda a: jnp.concatenate([a, a]), rows)
    walk = Walk(rows, rule, given.guidance, given.null)
    made, _ = target(walk, lambda x, t, d, y, questions: (given.networks["ema"](x, t, d, y), questions))
    return x, made[-len(x) :]


def draw_rows(key: Key[jax.Array, ""], x0: Images, x1: Images, y: Labels, settings: Settings) -> Rows:
    """Draws the student's rows for their images. Their targets are still zero.

    d ~ Uniform{0..6}, t uniform on {0, 2^-d, …, 1 − 2^-d}. Pairs: rows are [first copies | second copies] of the same
    images, noise, t and d, and **both copies have the label y**. A rule that fixes d has as many rows of each d as fit,
    d = 6 first; the remaining rows have d = 0.
    """
    d_key, t_key = jax.random.split(key)
    count = x1.shape[0]
    if settings.bootstrap.fixes_d:
        d = jnp.repeat(jnp.arange(FINEST_D)[::-1], count // FINEST_D, total_repeat_length=count // FINEST_D * FINEST_D)
        d = jnp.concatenate([d, jnp.zeros(count - d.shape[0], d.dtype)])
    else:
        d = jax.random.randint(d_key, (count,), 0, FINEST_D)
    t = grid_times(t_key, count, 2.0**d)
    rows = Rows(interpolate(x0, x1, t), t, d.astype(jnp.float32), y, jnp.zeros_like(x1))
    return jax.tree.map(lambda a: jnp.concatenate([a, a]), rows) if settings.bootstrap.pairs else rows


class Walk:
    """The teacher's two half-steps for the student's rows."""

    def __init__(self, rows: Rows, rule: Bootstrap, guidance: float, null: int):
        self.rows, self.rule, self.guidance, self.null = rows, rule, guidance, null
        self.half = 2.0**-rows.d / 2
        self.d = rows.d + 1
        self.y = rows.y
        if self.rule.pairs:  # the teacher, unlike the student, sees the null label in the second copy
            first, second = jnp.split(rows.y, 2)
            self.y = jnp.concatenate([first, jnp.full_like(second, null)])
        self.guided_rows = rows.y.shape[0] // FINEST_D if self.rule.fixes_d and self.guidance not in (0, 1) else 0

    def ask(self, x: Images, t: PerRow) -> Asked:
        """Returns the teacher's inputs (x, t, d, y) at a half-step. SM's guided rows occur with the null label, too."""
        g = self.guided_rows
        nulls = jnp.full((g,), self.null, self.y.dtype)
        pairs = ((x, x[:g]), (t, t[:g]), (self.d, self.d[:g]), (self.y, nulls))
        x, t, d, y = (jnp.concatenate(pair) for pair in pairs)
        return x, t, d, y

    def velocity(self, answer: Float[jax.Array, "asked height width channels"]) -> Images:
        """Returns each row's velocity for the half-step, in float32, from the teacher's answer to `ask`."""
        answer = answer.astype(jnp.float32)
        w = self.guidance
        if self.rule.pairs:
            v_y, v_null = jnp.split(answer, 2)
            return jnp.concatenate([v_y, v_null + w * (v_y - v_null)])
        if g := self.guided_rows:
            v, v_null = answer[:-g], answer[-g:]
            return jnp.concatenate([v_null + w * (v[:g] - v_null), v[g:]])
        return answer

    def clip(self, x: Images) -> Images:
        clip = self.rule.clip
        return x if clip is None else jnp.clip(x, -clip, clip)


def target(walk: Walk, teacher: Ema, questions: Any = None) -> tuple[Images, Any]:
    """Computes (v1 + v2)/2 for every row. One program asks the teacher twice, half a step apart.

    `questions` go to the teacher as well: two equal parts along the leading axis of their arrays, one for each time.
    The replies have the same form.
    """
    half = over_image(walk.half)

    def ask(at, question):
        x, t = at
        answer, reply = teacher(*walk.ask(x, t), question)
        v = walk.velocity(answer)
        return (walk.clip(x + half * v), t + walk.half), (v, reply)

    _, ((v1, v2), replies) = jax.lax.scan(ask, (walk.rows.x, walk.rows.t), questions, length=2)
    return walk.clip((v1 + v2) / 2), replies

"""Time consistency (SPEC 4.2): one step of 2^-d learns to equal two half-steps of the teacher."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int, Key

from odelt.config import FINEST_D, Training
from odelt.objectives.rows import Images, Labels, PerRow, Rows, interpolate, over_image

# (x, t, d, y, another question) -> (velocity at full length, reply to that question)
Teacher = Callable[[Images, PerRow, PerRow, Labels, Any], tuple[Images, Any]]
# At a half-step the teacher is asked for more rows than the batch has.
Asked = tuple[
    Float[jax.Array, "asked height width channels"],
    Float[jax.Array, " asked"],
    Float[jax.Array, " asked"],
    Int[jax.Array, " asked"],
]

CLIP = 4.0  # SM's rule clips the walk and its targets to ±4 (SPEC 9.6)


def draw(key: Key[jax.Array, ""], x0: Images, x1: Images, y: Labels, training: Training) -> Rows:
    """Draws the B/8 student rows for their images (`batch.images_of_time` of them). Their targets are still zero.

    d ~ Uniform{0..6}, t uniform on {0, 2^-d, …, 1 − 2^-d}. "guided": rows are [first copies | second copies] of the
    same images, noise, t and d, and **both copies carry the label y**. "sm": as many rows of each d as fit, d = 6
    first, the remainder d = 0.
    """
    d_key, t_key = jax.random.split(key)
    count = x1.shape[0]
    if training.bootstrap == "sm":
        d = jnp.repeat(jnp.arange(FINEST_D)[::-1], count // FINEST_D, total_repeat_length=count // FINEST_D * FINEST_D)
        d = jnp.concatenate([d, jnp.zeros(count - d.shape[0], d.dtype)])
    else:
        d = jax.random.randint(d_key, (count,), 0, FINEST_D)
    steps = 2.0**d
    t = jnp.floor(jax.random.uniform(t_key, (count,)) * steps) / steps
    rows = Rows(interpolate(x0, x1, t), t, d.astype(jnp.float32), y, jnp.zeros_like(x1))
    return jax.tree.map(lambda a: jnp.concatenate([a, a]), rows) if training.bootstrap == "guided" else rows


class Walk:
    """The teacher's two half-steps for student rows drawn by `draw`."""

    def __init__(self, rows: Rows, training: Training, null: int):
        self.rows, self.training = rows, training
        self.half = 2.0**-rows.d / 2
        self.d = rows.d + 1
        self.y = rows.y
        rule = training.bootstrap
        if rule == "guided":  # the teacher, unlike the student, sees the null label in the second copy
            first, second = jnp.split(rows.y, 2)
            self.y = jnp.concatenate([first, jnp.full_like(second, null)])
        self.guided_rows = rows.y.shape[0] // FINEST_D if rule == "sm" and training.guidance not in (0, 1) else 0
        self.null = null

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
        w = self.training.guidance
        if self.training.bootstrap == "guided":
            v_y, v_null = jnp.split(answer, 2)
            return jnp.concatenate([v_y, v_null + w * (v_y - v_null)])
        if g := self.guided_rows:
            v, v_null = answer[:-g], answer[-g:]
            return jnp.concatenate([v_null + w * (v[:g] - v_null), v[g:]])
        return answer

    def clip(self, x: Images) -> Images:
        return jnp.clip(x, -CLIP, CLIP) if self.training.bootstrap == "sm" else x


def target(walk: Walk, teacher: Teacher, questions: Any = None) -> tuple[Images, Any]:
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

"""Time-consistency targets (SPEC 4.2), against the released code's and rule by rule."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import relative_error, small_training

from odelt.model import runs
from odelt.model.dit import graphs
from odelt.model.inner_ode import forward
from odelt.objectives import time_consistency
from odelt.objectives.rows import Rows

NULL = 10


@pytest.fixture(scope="module")
def teacher(golden_model):
    def velocity(x, t, d, y):
        config = golden_model.config
        weights = runs.split(golden_model.weights, config)
        return forward(graphs(config, length_table=True), weights, x, t, d, y, config.depth, group=config.group)

    return jax.jit(velocity)


def golden_rows(golden) -> Rows:
    d, t, y = (jnp.asarray(golden[f"bootstrap/{name}"]) for name in "dty")
    return Rows(jnp.asarray(golden["x"]), t, d.astype(jnp.float32), y, jnp.zeros_like(golden["x"]))


def target_of(rows, training, null, teacher):
    walk = time_consistency.Walk(rows, training.bootstrap, training.guidance, null)
    target, nothing = time_consistency.target(walk, lambda *asked: (teacher(*asked[:4]), asked[4]))
    assert nothing is None
    return target


def test_plain_target_is_the_released_one(golden_model, golden, teacher):
    target = target_of(golden_rows(golden), small_training(), golden_model.config.classes, teacher)
    assert relative_error(target, golden["bootstrap/target"]) < 1e-5


def test_guided_targets_of_both_copies_are_the_released_ones(golden_model, golden, teacher):
    rows = golden_rows(golden)
    both = jax.tree.map(lambda a: jnp.concatenate([a, a]), rows)
    training = small_training(bootstrap="guided", guidance=1.5)
    first, second = jnp.split(target_of(both, training, golden_model.config.classes, teacher), 2)
    assert relative_error(first, golden["bootstrap/target_guided_conditional_half"]) < 1e-5
    assert relative_error(second, golden["bootstrap/target_guided_null_half"]) < 1e-5


def drawn(training, images=None, labels=None):
    count = training.consistency_draws
    x0, x1 = jax.random.normal(jax.random.key(1), (2, count, 4, 4, 1))
    y = jnp.arange(count) % NULL if labels is None else labels
    return time_consistency.draw_rows(jax.random.key(0), x0, x1, y, training)


def test_the_student_sees_label_y_in_both_guided_copies_and_the_teacher_null_in_the_second():
    training = small_training(batch_size=256, bootstrap="guided", guidance=1.5)
    rows = drawn(training)
    first, second = (jax.tree.map(lambda a, k=k: jnp.split(a, 2)[k], rows) for k in (0, 1))
    for name in Rows._fields:  # the same noise, t, d and label y in both
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    asked = time_consistency.Walk(rows, training.bootstrap, training.guidance, NULL).ask(rows.x, rows.t)[3]
    assert np.array_equal(asked[:16], first.y)
    assert np.all(asked[16:] == NULL)


def test_times_lie_on_the_grid_of_their_step_size_and_every_d_is_drawn():
    rows = drawn(small_training(batch_size=4096))
    steps = 2.0**rows.d
    assert set(np.unique(rows.d)) == set(range(7))
    assert np.array_equal(rows.t * steps, np.round(rows.t * steps))
    assert rows.t.min() >= 0 and np.all(rows.t <= 1 - 1 / steps)


def test_a_field_that_is_constant_in_time_is_its_own_target():
    training = small_training(batch_size=128)
    target = target_of(drawn(training), training, NULL, lambda x, t, d, y: jnp.full_like(x, 0.5))
    assert np.allclose(target, 0.5)


def test_the_teacher_is_asked_at_half_the_step_with_the_next_finer_condition():
    training = small_training(batch_size=128)
    rows = drawn(training)
    asked = []

    def teacher(x, t, d, y):
        asked.append((t, d))
        return jnp.zeros_like(x)

    with jax.disable_jit():  # both questions are seen
        target_of(rows, training, NULL, teacher)
    (t1, d1), (t2, d2) = asked
    assert np.array_equal(t1, rows.t)
    assert np.allclose(t2, rows.t + 2.0**-rows.d / 2)
    assert np.array_equal(d1, rows.d + 1) and np.array_equal(d2, rows.d + 1)


def test_sms_rule_fixes_how_many_rows_have_each_d_and_guides_only_the_finest():
    training = small_training(batch_size=256, bootstrap="sm", guidance=1.5)
    rows = drawn(training)
    assert np.bincount(rows.d.astype(int)).tolist() == [8, 4, 4, 4, 4, 4, 4]

    def teacher(x, t, d, y):  # 1 with a label, 0 without: guided is 1.5
        return jnp.ones_like(x) * (y != NULL)[:, None, None, None]

    target = target_of(rows, training, NULL, teacher)[:, 0, 0, 0]
    assert np.allclose(target[rows.d == 6], 1.5)
    assert np.allclose(target[rows.d < 6], 1)


def test_sms_rule_clips_the_walk_and_the_target():
    training = small_training(batch_size=256, bootstrap="sm")
    seen = []

    def teacher(x, t, d, y):
        seen.append(np.abs(x).max())
        return jnp.full_like(x, 100.0)

    with jax.disable_jit():
        assert np.all(target_of(drawn(training), training, NULL, teacher) == 4)
    assert seen[1] == 4

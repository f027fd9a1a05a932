import dataclasses

import matplotlib.image
import numpy as np
import pytest

from odelt.config import Solver
from odelt.errors import OdeltError
from odelt.publishing import figures, sample_figure
from odelt.results.columns import FLOPS, FRECHET
from odelt.results.published_grid import PublishedCurve
from odelt.results.row import Cell, Row, Score, Timing
from odelt.training.curve import COLUMNS


def row(label="odelt", length=2, solver="euler:4", distance=2.0, latency=0.1, weights="ema", d=None, floor=0.64):
    solver = Solver.parse(solver)
    d = 7 if solver.T is None and d is None else d
    scores = [Score("a.json", 10, 20, {"frechet_distance": distance})] if distance is not None else []
    timing = None if latency is None else Timing("b.json", latency, latency, latency, 1, 8, "a laptop")
    return Row(
        cell=Cell("digits", label, length, solver, weights, 1.0, d),
        label=label,
        effective_blocks=2,
        classes=10,
        columns=(FRECHET,),
        seeds=(10,),
        scores=tuple(scores),
        floor=floor,
        timing=timing,
    )


ROWS = [
    *[row("SM", None, f"euler:{T}", 20 / T + 0.6, 0.01 * T) for T in (1, 4, 32)],
    *[row("ours", 2, f"euler:{T}", 19 / T + 1, 0.004 * T) for T in (1, 4, 32)],
    row("ours", 2, "dopri5:1e-2", 1.2, 0.3),
]


def texts(path):
    """What an SVG says: matplotlib leaves the text of each run of glyphs in a comment."""
    return path.with_name(path.name + ".svg").read_text(encoding="utf-8")


def picture(path):
    return matplotlib.image.imread(path.with_name(path.name + ".png"))[..., :3]


def write_curve(path, **parts):
    lines = [",".join(COLUMNS)]
    for step in (50, 100, 150):
        values = {"step": step, "learning_rate": 1e-3, **parts}
        lines.append(",".join(str(values.get(column, 0)) for column in COLUMNS))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_same_rows_give_the_same_svg_to_the_byte(tmp_path):
    for name in ("first", "second"):
        figures.scaling(ROWS, tmp_path / name)
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.png", "first.svg", "second.png", "second.svg"]


def test_every_curve_has_a_name_and_the_axes_have_units(tmp_path):
    figures.scaling(ROWS, tmp_path / "scaling")
    svg = texts(tmp_path / "scaling")
    for told in ("SM", "ours, $l = 2$", "Latency per batch (ms)", "dopri5 1e-2", "halves of the real data, 0.64"):
        assert f"{told} -->" in svg


def test_the_legend_says_which_kinds_of_solver_are_hollow(tmp_path):
    figures.scaling(ROWS, tmp_path / "one")
    assert "hollow: adaptive solver, d = 7 -->" in texts(tmp_path / "one")
    figures.scaling([*ROWS, row("ours", 2, "heun-fixed:8", 1.4, 0.1)], tmp_path / "two")
    assert "hollow: adaptive solver and solver with fixed steps, d = 7 -->" in texts(tmp_path / "two")
    assert "heun-fixed 8 -->" in texts(tmp_path / "two")


def test_published_curves_are_behind_ours_and_the_legend_says_what_they_are(tmp_path):
    figures.scaling(ROWS, tmp_path / "ours")
    assert "published" not in texts(tmp_path / "ours")
    published = [
        PublishedCurve(4, "jax", ((20.0, 5.0), (80.0, 2.0))),
        PublishedCurve(None, "jax", ((40.0, 4.0), (160.0, 1.0))),
    ]
    figures.scaling(ROWS, tmp_path / "both", published)
    svg = texts(tmp_path / "both")
    for told in ("published, FID (jax), latency by its ratio to SM's", "$l = 4$", "SM"):
        assert f"{told} -->" in svg
    assert svg.index("#bfbfbf") < svg.index(figures.COLOURS["blue"].lower())  # drawn before


def test_what_is_not_run_or_raw_or_of_another_d_is_not_drawn(tmp_path):
    others = [row("a", distance=None), row("b", latency=None), row("c", weights="raw")]
    others.append(row("d", solver="dopri5:1e-3", d=0))
    figures.scaling(ROWS, tmp_path / "without")
    figures.scaling([*ROWS, *others], tmp_path / "with")
    assert (tmp_path / "with.svg").read_bytes() == (tmp_path / "without.svg").read_bytes()


def test_a_figure_without_a_single_result_says_not_run_yet(tmp_path):
    figures.scaling([row(distance=None)], tmp_path / "scaling")
    figures.training_curves({"SM": tmp_path / "absent.csv"}, tmp_path / "curves")
    for name in ("scaling", "curves"):
        assert "not run yet" in texts(tmp_path / name)


def test_a_missing_floor_leaves_the_curves(tmp_path):
    figures.scaling([dataclasses.replace(each, floor=None) for each in ROWS], tmp_path / "scaling")
    assert "floor:" not in texts(tmp_path / "scaling")


def test_no_two_of_many_curves_have_the_same_colour_and_marker():
    styles = {tuple(figures.style_of(k).values()) for k in range(63)}
    assert len(styles) == 63


def test_a_sample_grid_has_lengths_longest_first_and_steps_in_order(tmp_path):
    cells = {(length, T): np.zeros((3, 4, 4, 1)) for length in (2, None, 6) for T in (4, 1)}
    sample_figure.sample_grid(cells, [7, 8, 9], tmp_path / "grid")
    svg = texts(tmp_path / "grid")
    headings = ["$T = 1$ -->", "$T = 4$ -->"]
    assert svg.index(headings[0]) < svg.index(headings[1])
    order = [svg.index(f"{heading} -->") for heading in ("<!-- full", "$l = 6$", "$l = 2$")]
    assert order == sorted(order)


def test_one_channel_is_grey_and_three_are_colours(tmp_path):
    grey = np.full((1, 4, 4, 1), 0.0)
    red = np.broadcast_to(np.float32([1, -1, -1]), (1, 4, 4, 3))
    for name, images, centre in (("grey", grey, 0.5), ("red", red, (1, 0, 0))):
        sample_figure.sample_grid({(2, 1): images}, [3], tmp_path / name)
        shown = picture(tmp_path / name)
        middle = shown[shown.shape[0] // 2, shown.shape[1] // 2]
        assert middle == pytest.approx(centre, abs=0.01)


def test_a_cell_that_was_not_run_is_said_to_be_so(tmp_path):
    cells = {(2, 1): np.zeros((1, 4, 4, 1)), (4, 4): np.zeros((1, 4, 4, 1))}
    sample_figure.sample_grid(cells, [0], tmp_path / "grid")
    assert texts(tmp_path / "grid").count("<!-- not run -->") == 2


@pytest.mark.parametrize(
    "cells",
    [
        {(2, 1): np.zeros((1, 4, 4, 2))},
        {(2, 1): np.zeros((3, 4, 4, 1))},
        {(2, 1): np.zeros((1, 4, 4, 1)), (4, 1): np.zeros((1, 8, 8, 1))},
    ],
)
def test_a_sample_grid_of_the_wrong_shape_is_an_error(cells, tmp_path):
    with pytest.raises(OdeltError, match="sample grid"):
        sample_figure.sample_grid(cells, [0], tmp_path / "grid")


def test_a_part_of_the_loss_that_no_run_has_gets_no_panel(tmp_path):
    curve = write_curve(tmp_path / "sm.csv", loss=0.5, flow=0.4, time_consistency=0.1, length_consistency=0)
    figures.training_curves({"SM": curve}, tmp_path / "one")
    assert "Time consistency" in texts(tmp_path / "one") and "Length consistency" not in texts(tmp_path / "one")
    other = write_curve(tmp_path / "odelt.csv", loss=0.5, flow=0.4, time_consistency=0.1, length_consistency=0.2)
    figures.training_curves({"SM": curve, "ours": other}, tmp_path / "two")
    assert "Length consistency" in texts(tmp_path / "two")


@pytest.mark.parametrize("content", ["step,loss\n1,2\n", ",".join(COLUMNS) + "\n50,x,1,1,1,1,1\n", ""])
def test_a_damaged_training_curve_is_named_on_one_line(content, tmp_path):
    path = tmp_path / "training.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(OdeltError) as error:
        figures.training_curves({"SM": path}, tmp_path / "curves")
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_sample_grid_without_samples_says_not_run_yet(tmp_path):
    sample_figure.sample_grid({}, [], tmp_path / "samples")
    assert "not run yet" in (tmp_path / "samples.svg").read_text(encoding="utf-8")


def test_quality_is_shown_against_operations_too(tmp_path):
    """Operations are not disturbed: rows that took other times have the same figure."""
    made = {}
    for name, factor in (("quiet", 1), ("busy", 3)):
        rows = [
            dataclasses.replace(
                each, timing=dataclasses.replace(each.timing, flops=1e9, latency_s=factor * each.latency)
            )
            for each in ROWS
        ]
        figures.scaling(rows, tmp_path / name, over=FLOPS)
        made[name] = texts(tmp_path / name)
    assert made["quiet"] == made["busy"] and "Operations per batch (GFLOP)" in made["quiet"]
    figures.scaling(ROWS, tmp_path / "older", over=FLOPS)  # whose files have no operations
    assert "not run yet" in texts(tmp_path / "older")

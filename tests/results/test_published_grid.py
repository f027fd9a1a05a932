import pytest
from celebahq import REFERENCES, of_experiment, rows_of, whole_run

from odelt.results.published_grid import curves, published_rows, sources


@pytest.fixture
def faces(tmp_path):
    return whole_run(tmp_path)


def test_a_source_whose_latencies_have_a_baseline_is_a_grid():
    assert sources(REFERENCES) == ["odelt_scaling"]


def test_its_rows_have_the_sources_own_names_and_seconds():
    rows = {
        (row.cell.model, row.cell.length, str(row.cell.solver)): row
        for row in published_rows(REFERENCES, "odelt_scaling")
    }
    row = rows["odelt", 4, "euler:2"]
    assert (row.distance, row.latency, row.steps, row.effective_blocks) == (22.60784912, 0.067246705, 2, 4)
    assert rows["sm", None, "euler:128"].latency == 12.88829373 and len(rows) == 4 * 8 + 3 * 4


def test_a_curve_is_at_our_sms_latency_times_the_published_ratio(faces):
    """Ours has T = 1, 2 and 128 only, and SM takes T × 12 × 10 ms."""
    found = {curve.length: curve for curve in curves(rows_of(faces), REFERENCES)}
    assert list(found) == [12, 8, 4, None] and {curve.statistics for curve in found.values()} == {"jax"}
    expected = ((1, 0.064267033 / 0.127288711, 30.96321869), (2, 0.067246705 / 0.200186887, 22.60784912))
    for (milliseconds, distance), (T, ratio, published) in zip(found[4].points, expected, strict=False):
        assert (milliseconds, distance) == (pytest.approx(T * 120 * ratio), published)
    assert [milliseconds for milliseconds, _ in found[None].points] == pytest.approx([120, 240, 128 * 120])


def test_where_nothing_was_timed_or_published_there_is_no_curve(faces):
    faces.latency.unlink()
    assert list(curves(rows_of(faces), REFERENCES)) == []
    assert list(curves(of_experiment(rows_of(faces), "digits"), REFERENCES)) == []
    assert list(curves(rows_of(faces), None)) == []

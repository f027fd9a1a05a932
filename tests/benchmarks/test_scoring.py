"""The benchmark of scoring: the stage and its parts in each precision that the device has."""

import pytest
from measured import result

pytest.importorskip("torch")
pytestmark = pytest.mark.torch
SMALL = ("--small", "--batch", "4", "--images", "6", "--compared", "3", "--repeats", "1")


def test_each_precision_has_a_rate_its_errors_and_its_parts():
    figures = result("scoring", *SMALL)
    exact, mixed = figures["float32"], figures["bfloat16"]
    assert "tf32" not in figures  # a CPU has none
    assert exact["minutes"] == pytest.approx(49_152 / exact["images_per_s"] / 60)
    assert exact["same_bits_again"] and exact["errors"]["images_max"] == exact["errors"]["features_max"] == 0
    assert mixed["errors"]["images_rms"] > 1e-5 and mixed["errors"]["features_rms"] > 1e-5
    for name in ("encode", "decode", "legacy", "clean", "resize_on_one_core"):
        assert exact["parts"][name]["images_per_s"] > 0


def test_a_variant_of_the_decoder_gives_the_images_of_the_usual_one():
    figures = result("scoring", *SMALL, "--precisions", "float32", "--variants", "norms,autotuned,nchw")
    for name in ("float32, norms", "float32, autotuned", "float32, nchw"):
        assert figures[name]["errors"]["images_max"] < 1e-4

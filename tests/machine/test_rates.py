"""The plan reckons with what was measured, where anything was, and says so."""

import json

import pytest

from odelt.machine import rates
from odelt.planning import plan


def kept(root, name, script, flops, seconds, device="NVIDIA H100 80GB HBM3", dtype="bfloat16"):
    path = root / "benchmarks" / "results" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    machine = {"command": f"python benchmarks/{script} --width 768"}
    timed = {"flops": flops, "seconds": {"median": seconds}, "configuration": {"dtype": dtype}}
    path.write_text(json.dumps({**timed, "device": device, "machine": machine}), encoding="utf-8")


def studied(root, flops, seconds, device="NVIDIA H100 80GB HBM3"):
    path = root / "results" / "latency" / "b" / "l4.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    points = [{"flops": flops, "seconds": {"median": seconds}}]
    path.write_text(json.dumps({"device": device, "dtype": "bfloat16", "points": points}), encoding="utf-8")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_without_measurements_rates_are_assumed():
    found = plan.speeds("h100")
    assert found["training"] == found["sampling"] == (plan.GPUS["h100"].transformer, "396 TFLOP/s assumed")
    assert found["pictures"].origin == "130 TFLOP/s assumed, in tf32"
    assert plan.speeds("h100", "float32")["pictures"].origin == "34 TFLOP/s assumed, in float32"


def test_measured_rates_come_first_each_for_its_kind_of_work(tmp_path):
    kept(tmp_path, "train", "train_step.py", 6e14, 2.0)
    found = plan.speeds("h100")
    assert found["training"] == (3e14, "300 TFLOP/s measured on NVIDIA H100 80GB HBM3 (1 measurement)")
    assert found["sampling"] == (plan.GPUS["h100"].transformer, "396 TFLOP/s assumed")


def test_pictures_have_a_rate_for_each_precision(tmp_path):
    took = {"tf32, compiled": 3, "tf32": 6, "bfloat16, compiled": 2}
    each = {name: {"flops": 6e14, "seconds": {"median": seconds}} for name, seconds in took.items()}
    machine = {"command": "python benchmarks/scoring.py --images 512"}
    path = tmp_path / "benchmarks" / "results" / "scoring.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({**each, "device": "NVIDIA H100 80GB HBM3", "machine": machine}), encoding="utf-8")
    found = [plan.speeds("h100", precision)["pictures"] for precision in ("tf32", "bfloat16", "float32")]
    assert [each.operations for each in found] == [2e14, 3e14, plan.GPUS["h100"].float32]
    assert found[0].origin == "200 TFLOP/s measured on NVIDIA H100 80GB HBM3 (1 measurement), in tf32"


def test_an_h200_s_rates_serve_an_h100_that_has_none_of_its_own(tmp_path):
    kept(tmp_path, "train", "train_step.py", 6e14, 2.0, device="NVIDIA H200")
    found = plan.speeds("h100")["training"]
    assert found == (3e14, "300 TFLOP/s measured on NVIDIA H200 (1 measurement), whose chip is the same")
    assert plan.speeds("a100")["training"].operations == plan.GPUS["a100"].transformer
    kept(tmp_path, "own", "train_step.py", 4e14, 2.0)
    found = plan.speeds("h100")["training"]
    assert found.operations == 2e14 and "H200" not in found.origin


def test_a_plan_has_a_line_for_each_kind_of_work_with_its_operations_rate_and_hours(tmp_path):
    kept(tmp_path, "train", "train_step.py", 6e14, 2.0)
    reckoned = plan.speeds("h100")
    work = {"training": 3e14 * 7200, "sampling": 0.0, "latency": 0.0, "pictures": 130e12 * 3600}
    total, *lines = plan._gpu_time(work, "h100", reckoned)
    assert total == "  GPU-hours: about 3 on one H100" and [line.split(":")[0].strip() for line in lines] == [*work]
    told = "2.2 EFLOP at 300 TFLOP/s measured on NVIDIA H100 80GB HBM3 (1 measurement): 2.00 hours"
    assert lines[0] == f"    training: {told}"
    assert lines[3] == "    pictures: 468.0 PFLOP at 130 TFLOP/s assumed, in tf32: 1.00 hours"


def test_the_rate_is_the_median_of_benchmarks_and_the_latency_study(tmp_path):
    kept(tmp_path, "a", "sampling.py", 1e14, 1.0)
    kept(tmp_path, "b", "sampling.py", 5e14, 1.0)
    studied(tmp_path, 2e14, 1.0)
    assert rates.measured("sampling", "H100", "bfloat16") == (2e14, "NVIDIA H100 80GB HBM3", 3)


def test_parts_of_the_targets_count(tmp_path):
    for name, script in (("a", "train_step.py"), ("b", "compile_time.py")):
        kept(tmp_path, name, script, 6e14, 2.0)
    folder = tmp_path / "benchmarks" / "results"
    parts = {name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in ("a", "b")}
    (folder / "targets-gpu.json").write_text(
        json.dumps({"parts": {**parts, "c": {"failed": "no memory"}}}), encoding="utf-8"
    )
    (folder / "a.json").unlink()
    assert rates.measured("training", "h100", "bfloat16") == (3e14, "NVIDIA H100 80GB HBM3", 1)


def test_several_of_the_latency_study_in_one_file_count(tmp_path):
    studied(tmp_path, 2e14, 1.0)
    part = json.loads((tmp_path / "results" / "latency" / "b" / "l4.json").read_text(encoding="utf-8"))
    (tmp_path / "results" / "latency" / "b" / "l4.json").unlink()
    path = tmp_path / "benchmarks" / "results" / "latency.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"parts": {"l = 4": part, "l = 12": part}}), encoding="utf-8")
    assert rates.measured("sampling", "h100", "bfloat16") == (2e14, "NVIDIA H100 80GB HBM3", 2)


def test_another_device_another_type_and_other_files_do_not_count(tmp_path):
    kept(tmp_path, "a", "sampling.py", 1e14, 1.0, device="AMD EPYC, 2 cores")
    kept(tmp_path, "b", "sampling.py", 1e14, 1.0, dtype="float32")
    kept(tmp_path, "c", "compile_time.py", 1e14, 1.0)
    (tmp_path / "benchmarks" / "results" / "d.json").write_text("{", encoding="utf-8")
    assert rates.measured("sampling", "h100", "bfloat16") is None
    assert rates.measured("sampling", "amd epyc", "bfloat16").operations == 1e14

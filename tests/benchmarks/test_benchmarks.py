"""Each benchmark prints one JSON object, with floors and the machine, and bad input ends it with one line."""

import importlib.util
import json

import jax
import jax.numpy as jnp
import pytest
from measured import ROOT, TINY, result, run

from odelt.planning import costs

CONTRACT = {"images_per_s", "seconds", "compile_s", "peak_bytes", "flops", "device", "configuration", "machine"}
HAS_CUDA_PACKAGES = importlib.util.find_spec("jax_cuda13_plugin") is not None
FLOOR = {"floor_s", "utilisation", "matmul_utilisation", "floor"}
MACHINE = {"cores", "memory_bytes", "load", "os", "python", "packages", "commit", "dirty", "date", "command"}


def assert_floor(figures: dict) -> None:
    assert figures.keys() >= FLOOR
    assert all(value > 0 for value in figures["floor"].values())
    assert figures["floor_s"] == max(figures["floor"]["matmul_s"], figures["floor"]["copy_s"])
    assert figures["utilisation"] == pytest.approx(figures["floor_s"] / figures["seconds"]["median"])


def test_a_training_step_with_its_loader(tmp_path):
    out = tmp_path / "step.json"
    options = (*TINY, "--image", "4x4x1", "--steps", "4", "--dropout", "0.1")
    figures = result("train_step", *options, "--with-loader", "--out", str(out))
    assert figures.keys() >= CONTRACT and figures["machine"].keys() >= MACHINE
    assert figures["images_per_s"] == pytest.approx(16 / figures["seconds"]["median"])
    assert 0 <= figures["with_loader"]["share_of_time_waited"] <= 1 and figures["configuration"]["dropout"] == 0.1
    assert_floor(figures)
    assert json.loads(out.read_text(encoding="utf-8")) == figures
    assert str(tmp_path) not in json.dumps(figures)  # a kept result names no path of the machine


def test_sampling():
    figures = result("sampling", *TINY, "--length", "1", "--guidance", "1.5", "--repeats", "2")
    assert figures.keys() >= CONTRACT and figures["evaluations"] == 4
    assert_floor(figures)


@pytest.mark.slow
def test_scaling_over_virtual_devices():
    table = result(
        *("scaling", *TINY[:-2], "--length", "1", "--steps", "2", "--repeats", "2"),
        *("--batches", "16", "--device-counts", "1,2,3"),
    )["table"]
    # Three devices cannot share sixteen images.
    assert {(row["work"], row["devices"]) for row in table} == {
        (work, count) for work in ("training", "sampling") for count in (1, 2)
    }
    assert all(row["images_per_s"] > 0 for row in table)


@pytest.mark.slow
def test_the_ratio_of_training_is_of_rounds_in_turns():
    figures = result("baseline", "train", *TINY, "--steps", "3")
    for side in ("package", "baseline"):
        assert_floor(figures[side])
    # Every row runs both blocks, where half of the package's rows run one.
    assert figures["baseline"]["flops"] > figures["package"]["flops"]
    assert set(figures["ratio"]) == set(figures["same_settings"]["ratio"]) == {"median", "q1", "q3"}


def test_the_ratio_of_sampling():
    figures = result("baseline", "sample", *TINY, "--length", "2", "--guidance", "1.5", "--repeats", "2")
    assert figures["baseline"]["flops"] == figures["package"]["flops"]
    assert set(figures["images_per_s"]) == {"package", "baseline"}


def test_a_kept_command_line_measures_again_and_names_no_file():
    import common

    script = str(ROOT / "benchmarks" / "sampling.py")
    for out in (["--out", "/tmp/x.json"], ["--out=/tmp/x.json"], []):
        assert common.command([script, "--width", "16", *out, "--depth", "2"]) == (
            "python benchmarks/sampling.py --width 16 --depth 2"
        )


def test_the_ratio_is_the_median_over_rounds():
    import baseline

    def one_side(seconds):
        return {"compile_s": 1.0, "peak_bytes": 1, "flops": 1.0, "bytes_moved": 1.0}

    timed = {"package": [1.0, 2.0, 4.0], "baseline": [3.0, 4.0, 8.0], baseline.SAME: [2.0, 2.0, 4.0]}
    sides = {name: one_side(timed[name]) for name in timed}
    found = baseline.compared(timed, 8, sides, baseline.floors.Rates(1.0, 2.0, 1.0))
    assert found["ratio"] == {"median": 2.0, "q1": 2.0, "q3": 2.5}
    assert found["same_settings"]["ratio"] == {"median": 1.0, "q1": 1.0, "q3": 1.5}
    assert found["images_per_s"] == {"package": 4.0, "baseline": 2.0}


def test_rounds_are_run_in_turns():
    import baseline

    calls = []
    sides = {name: lambda name=name: calls.append(name) or len(calls) for name in ("package", "baseline")}
    timed = baseline.in_turns(sides, 2)
    assert calls == ["package", "baseline"] * 3
    assert timed == {"package": [3, 5], "baseline": [4, 6]}  # the first of each is not counted


@pytest.mark.slow
def test_sampling_is_compared_at_every_combination():
    options = ("--lengths", "1,full", "--solvers", "euler:1", "--batches", "2", "--repeats", "2")
    found = result("sampling_ratios", *TINY[:-2], *options)
    assert [(row["length"], row["batch"]) for row in found["ratios"]] == [("1", 2), ("full", 2)]
    assert found["slower"] == sum(row["ratio"]["q3"] < 1 for row in found["ratios"])


def test_the_encoder_has_the_operations_that_are_counted_for_it():
    import encoder

    weights = jax.eval_shape(encoder.weights, jax.random.key(0))
    images = jax.ShapeDtypeStruct((1, 256, 256, 3), jnp.float32)
    lowered = jax.jit(lambda p, x: encoder.moments(p, x, "float32")).lower(weights, images)
    assert lowered.out_info.shape == (1, 32, 32, 8)
    assert lowered.cost_analysis()["flops"] == pytest.approx(costs.ENCODE * 256**2, rel=0.1)
    assert sum(leaf.size for leaf in jax.tree.leaves(weights)) == pytest.approx(34.2e6, rel=0.01)


@pytest.mark.slow
def test_the_step_with_the_encoder_runs():
    figures = result("baseline", "train", *TINY, "--steps", "1", "--with-encoder")
    assert figures["baseline"]["flops"] > 10 * figures["package"]["flops"]
    assert figures["ratio"]["median"] > 1


@pytest.mark.slow
def test_compile_time_and_weights():
    assert result("compile_time", *TINY)["ratio"]["median"] > 0
    weights = result("weights", *TINY)
    assert weights["bytes_ratio"] == weights["blocks_ratio"] == 2


@pytest.mark.skipif(not HAS_CUDA_PACKAGES, reason="needs JAX's CUDA packages: make env-full CUDA=1")
def test_a_step_is_compiled_for_a_gpu_that_is_not_here():
    figures = result("compile_time", *TINY, "--dtype", "bfloat16", "--on", "h100")
    assert figures["device"].startswith("NVIDIA H100") and figures["ratio"]["median"] > 0
    assert figures["package"]["peak_bytes"] > 0


@pytest.mark.skipif(HAS_CUDA_PACKAGES, reason="JAX's CUDA packages are there")
def test_what_compiling_for_a_gpu_needs_is_told():
    (line,) = run("compile_time", *TINY, "--on", "h100", status=2).stderr.splitlines()
    assert "make env-full CUDA=1" in line


def test_the_loader():
    figures = result("pipeline", "loader", "--images", "64", "--batch", "16", "--repeats", "2", "--consumed", "100")
    assert figures["faster_than_training"] == pytest.approx(figures["rows_per_s"] / 100)
    assert figures["utilisation"] > 0


@pytest.mark.parametrize(
    "script, arguments, told",
    [
        ("train_step", [*TINY, "--heads", "3"], "heads: 3 does not divide the width 16"),
        ("train_step", [*TINY, "--batch", "17"], "batch_size"),
        ("sampling", [*TINY, "--length", "9"], "length 9 is not allowed"),
        ("sampling", [*TINY, "--length", "x"], "length 'x'"),
        ("targets", ["--only", "nothing"], "no part 'nothing'"),
        ("table", ["--results", "benchmarks"], "benchmarks holds no results (*.json)"),
    ],
)
def test_bad_input_is_told_on_one_line(script, arguments, told):
    (line,) = run(script, *arguments, status=2).stderr.splitlines()
    assert told in line


def test_targets_say_what_passed_what_is_short_and_what_was_not_measured():
    import targets

    ratio = {"ratio": {"median": 1.9, "q1": 1.8, "q3": 2.0}}
    results = {"a": ratio, "b": {"failed": "exit status 1: no memory"}}
    verdicts = [
        targets.judged(targets.Target("", parts, targets.ratio, least), results)["verdict"]
        for parts, least in ((("a",), 1.8), (("a",), 2), (("b",), 1), (("c",), 1))
    ]
    assert verdicts == [
        *("PASS", "short of the target", "not measured: b: exit status 1: no memory"),
        "not measured: c: not asked for",
    ]


def test_every_target_has_its_parts():
    import targets

    for parts, wanted in targets.PLANS.values():
        names = {part.name for part in parts}
        assert {name for target in wanted for name in target.parts} <= names
        assert all((ROOT / "benchmarks" / part.command.split()[0]).exists() for part in parts)


def test_a_part_that_takes_too_long_is_ended():
    import targets

    failed = targets.run(targets.Part("x", f"train_step.py {' '.join(TINY)}", 1), 1)
    assert failed == {"failed": "did not end within 1 s"}


def test_the_committed_table_is_that_of_the_committed_results():
    import table

    folder = ROOT / "benchmarks" / "results"
    assert (folder / "table.md").read_text(encoding="utf-8") == table.markdown(table.rows(table.read(folder)))


def test_the_readme_tells_each_target_as_it_was_measured():
    folder = ROOT / "benchmarks"
    rows = [
        line.split("|")
        for line in (folder / "README.md").read_text(encoding="utf-8").splitlines()
        if line.count("|") == 5
    ]
    told = [cells[3].split(":")[0].strip() for cells in rows]
    of_cpu = json.loads((folder / "results" / "targets-cpu.json").read_text(encoding="utf-8"))
    measured, parts = of_cpu["targets"], of_cpu["parts"]
    figures = [figure for figure in told if figure.replace(".", "").isdecimal()]
    assert figures == [f"{row['figure']:.2f}" for row in measured if row["figure"] is not None]
    alike = [cells[3].split(":")[1].split()[0] for cells in rows if "same settings" in cells[3]]
    of_ratios = [parts[row["parts"][0]] for row in measured if "same_settings" in parts[row["parts"][0]]]
    assert alike == [f"{part['same_settings']['ratio']['median']:.2f}" for part in of_ratios]
    of_h200 = json.loads((folder / "results" / "targets-h200.json").read_text(encoding="utf-8"))
    points = json.loads((folder / "results" / "latency-h200.json").read_text(encoding="utf-8"))["parts"]
    slow, quick = (points[f"B, l = {length}"]["points"][-1]["seconds"]["median"] for length in (12, 4))
    figures = [f"{figure:.2f}" for figure in (*(row["figure"] for row in of_h200["targets"]), slow / quick)]
    assert [cells[4].split(":")[0].strip() for cells in rows if "H200" in cells[4]] == figures
    (of_h100,) = [cells[4].split(":")[0].strip() for cells in rows if "for an H100" in cells[4]]
    (compiled,) = json.loads((folder / "results" / "targets-h100-compiler.json").read_text(encoding="utf-8"))["targets"]
    assert of_h100 == f"{compiled['figure']:.2f}" and compiled["verdict"] == "PASS"

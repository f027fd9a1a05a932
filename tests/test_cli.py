"""The command line: errors are one line and exit status 2; the contract's verbs do what they say."""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import CHECKPOINTS, GOLDEN

import odelt
from odelt import cli
from odelt.machine import process

IMPORT = ["--heads", "4", "--group", "2", "--min-length", "2", "--image", "8x8"]


def run(capsys, *arguments) -> tuple[int, str]:
    """Exit status and what was said on stderr."""
    try:
        status = cli.main([str(a) for a in arguments])
    except SystemExit as stopped:
        status = stopped.code
    return status, capsys.readouterr().err


def told_in_one_line(capsys, *arguments) -> str:
    status, said = run(capsys, *arguments)
    assert status == 2
    assert len(said.splitlines()) == 1, said
    return said


@pytest.fixture(scope="module")
def model(imported):
    return imported / "odelt"


def sample(directory, out, **changes):
    options = {"model": directory, "length": 4, "solver": "euler:2", "guidance": 1, "count": 3, "seed": 0, "out": out}
    return ["sample", *(part for key, value in {**options, **changes}.items() for part in (f"--{key}", value))]


def test_import_and_sample(tmp_path, capsys):
    assert run(capsys, "import-checkpoint", GOLDEN / CHECKPOINTS["odelt"], "--out", tmp_path / "m", *IMPORT)[0] == 0
    written = {"config.json", "model.safetensors"}
    assert {file.name for file in (tmp_path / "m").iterdir()} == written | {f"{name}.prov.json" for name in written}
    out = tmp_path / "new" / "samples.npz"
    assert run(capsys, *sample(tmp_path / "m", out), "--labels", "1,4")[0] == 0
    with np.load(out) as file:
        assert file["samples"].shape == (3, 8, 8, 4) and file["samples"].dtype == np.float32
        assert file["labels"].tolist() == [1, 4, 1] and file["labels"].dtype == np.int32
        assert file["evaluations"].tolist() == [2, 2, 2]


def test_the_null_label_is_null(model, tmp_path, capsys):
    out = tmp_path / "s.npz"
    assert run(capsys, *sample(model, out), "--labels", "3,null")[0] == 0
    with np.load(out) as file:
        assert file["labels"].tolist() == [3, 5, 3]


def test_an_imported_model_is_sampled_as_its_objective_asks(tmp_path, capsys):
    importing = ["import-checkpoint", GOLDEN / CHECKPOINTS["odelt"], "--out", tmp_path / "m", *IMPORT]
    assert run(capsys, *importing, "--objective", "naive")[0] == 0
    assert run(capsys, *sample(tmp_path / "m", tmp_path / "s.npz"))[0] == 0
    message = told_in_one_line(capsys, *sample(tmp_path / "m", tmp_path / "s.npz"), "--d", "3")
    assert "d = 3: a network of the objective 'naive' never saw a step size; leave d out" in message
    assert run(capsys, *importing, "--objective", "progressive")[0] == 0
    message = told_in_one_line(capsys, *sample(tmp_path / "m", tmp_path / "s.npz", solver="tsit5:1e-2"))
    assert "makes no sense for the objective 'progressive'; use euler:T" in message


@pytest.mark.parametrize(
    "options, evaluations",
    [
        (["--solver", "euler:3"], 3),
        (["--solver", "heun-fixed:8"], 15),
        (["--solver", "heun:1e-1"], None),
        (["--solver", "dopri8:1e-1", "--joint"], None),
    ],
)
def test_every_kind_of_solver_makes_samples(model, tmp_path, capsys, options, evaluations):
    out = tmp_path / "s.npz"
    assert run(capsys, *sample(model, out), *options)[0] == 0
    with np.load(out) as file:
        assert np.isfinite(file["samples"]).all()
        assert evaluations is None or set(file["evaluations"]) == {evaluations}


def test_fixed_steps_are_not_joint(model, tmp_path, capsys):
    said = told_in_one_line(capsys, *sample(model, tmp_path / "s.npz"), "--joint")
    assert "its steps are fixed, so nothing is controlled jointly" in said


def test_what_is_replaced_is_told(model, tmp_path, capsys):
    out = tmp_path / "s.npz"
    assert run(capsys, *sample(model, out)) == (0, "")
    assert run(capsys, *sample(model, out)) == (0, f"odelt: {out} was there before and is replaced\n")
    importing = ["import-checkpoint", GOLDEN / CHECKPOINTS["odelt"], "--out", tmp_path / "m", *IMPORT]
    assert "and is replaced" not in run(capsys, *importing)[1]
    assert f"{tmp_path / 'm' / 'model.safetensors'} was there before and is replaced" in run(capsys, *importing)[1]


WHERE = {
    "FILE": ["/dev/null", "folder", "file/a", "pipe", "nothing"],
    "DIR": ["/dev/null", "file", "file/a", "pipe", "nothing"],
}


@pytest.mark.parametrize("kind", WHERE)
def test_every_verb_asks_first_whether_its_output_can_be_written(kind, tmp_path, capsys):
    """Before anything else is read: none of the other options need be right."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "nothing").symlink_to(tmp_path / "nowhere")
    verbs = next(a for a in cli.parser()._actions if hasattr(a, "choices") and a.choices).choices
    outputs = {
        verb: [a for a in parser._actions if a.dest in ("out", "pictures") and a.metavar.startswith(kind)]
        for verb, parser in verbs.items()
    }
    assert {"FILE": "sample", "DIR": "import-checkpoint"}[kind] in [
        verb for verb, actions in outputs.items() if actions
    ]
    for verb, actions in outputs.items():
        for action in actions:
            for where in WHERE[kind]:
                said = told_in_one_line(capsys, verb, action.option_strings[0], tmp_path / where)
                assert str(tmp_path / where) in said and "required" not in said, said
    assert (tmp_path / "file").read_text(encoding="utf-8") == "kept" and not os.path.isfile("/dev/null")


def test_the_conventional_path_is_length_full(model, tmp_path, capsys):
    assert run(capsys, *sample(model, tmp_path / "s.npz", length="full"))[0] == 0


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"length": 3}, "length 3 is not allowed; this network has 2, 4, 6, 8"),
        ({"length": "ful"}, "length 'ful': a number of blocks from 1 on, or 'full', the conventional path"),
        ({"solver": "euler:0"}, "whole number from 1 to 1,000,000"),
        ({"solver": "kvaerno5:1e-3"}, "it is implicit"),
        ({"solver": "rk4:4"}, "known solvers are"),
        ({"guidance": -1}, "not a guidance scale"),
        ({"count": 0}, "'0' is not a whole number of at least 1"),
        ({"batch-size": 0}, "'0' is not a whole number of at least 1"),
        ({"d": 8}, "--d"),
        ({"labels": "9"}, "label 9: the labels are 0 to 4, and 'null' for the null label"),
        ({"labels": "5"}, "label 5: the labels are 0 to 4, and 'null' for the null label"),
        ({"labels": "1,none"}, "'none' is not a whole number"),
        ({"model": "nowhere"}, "nowhere is no model directory"),
        ({"weights": "both"}, "--weights"),
    ],
)
def test_bad_input_is_told_in_one_line_and_nothing_is_written(model, tmp_path, capsys, changes, message):
    out = tmp_path / "samples.npz"
    assert message in told_in_one_line(capsys, *sample(model, out, **changes))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content, options, message",
    [
        (None, IMPORT, "cannot be read"),
        (b"", IMPORT, "is empty"),
        (b"<html>", IMPORT, "not a pickled checkpoint"),
        (b"cposix\nsystem\n(S'true'\ntR.", IMPORT, "the global 'posix.system'"),
        ("half", IMPORT, "is truncated"),
        ("whole", ["--heads", "5", *IMPORT[2:]], "heads: 5 does not divide the width 32"),
        ("whole", [*IMPORT[:4], "--min-length", "9"], "min_length: 9 is not between the group 2 and the depth 8"),
    ],
)
def test_a_refused_import_leaves_no_directory(tmp_path, capsys, content, options, message):
    file, out = tmp_path / "checkpoint", tmp_path / "out"
    whole = (GOLDEN / CHECKPOINTS["sm"]).read_bytes()
    if content is not None:
        file.write_bytes({"whole": whole, "half": whole[: len(whole) // 2]}.get(content, content))
    assert message in told_in_one_line(capsys, "import-checkpoint", file, "--out", out, *options)
    assert set(tmp_path.iterdir()) <= {file}


@pytest.mark.parametrize(
    "words, line",
    [
        (["sampel"], "odelt: unknown verb 'sampel'; did you mean 'sample'?"),
        (["zzz"], "odelt: unknown verb 'zzz'; --help lists them"),
        (["plan", "--siute", "mini"], "odelt plan: unknown option '--siute'; did you mean '--suite'?"),
        (["sample", "--modle", "m"], "odelt sample: unknown option '--modle'; did you mean '--model'?"),
        (["--lgo", "f", "plan"], "odelt: unknown option '--lgo'; did you mean '--log'?"),
        (
            ["sample", "--weights", "emma"],
            "odelt sample: argument --weights: unknown value 'emma'; did you mean 'ema'?",
        ),
        (
            ["plan", "--gpu", "zzz"],
            "odelt plan: argument --gpu: unknown value 'zzz'; known are h100, h200, a100, rtx4090",
        ),
    ],
)
def test_a_misspelt_word_is_told_with_the_nearest_one(capsys, words, line):
    assert told_in_one_line(capsys, *words) == f"{line}\n"


def test_an_abbreviated_option_is_refused_with_the_whole_one(capsys):
    assert told_in_one_line(capsys, "plan", "--sui", "mini").endswith(
        "unknown option '--sui'; did you mean '--suite'?\n"
    )


def test_values_may_begin_with_hyphens(tmp_path, capsys):
    arguments = ["tables", "--experiment", "e", "--results", tmp_path, "--out", tmp_path, "--settings", "{}"]
    assert "unknown option" not in told_in_one_line(capsys, *arguments, "--note", "-- a note")


def test_settings_with_a_misspelt_key_are_told_in_one_line(tmp_path, capsys):
    network = {"width": 16, "heads": 2, "depth": 2, "group": 1, "min_length": 1, "channels": 1, "classes": 2}
    arguments = ["--network", json.dumps({**network, "image": [4, 4]}), "--dataset", "d", "--checkpoints", "c"]
    said = told_in_one_line(
        capsys, "train", "--training", '{"stepz": 3}', *arguments, "--seed", 0, "--out", tmp_path / "out"
    )
    assert "--training: unknown key 'stepz'; did you mean 'steps'?" in said


@pytest.mark.parametrize(
    "options, message",
    [
        (["--program", "4,rk4:4"], "known solvers are"),
        (["--program", "euler:4"], "length 'euler:4'"),
        (["--program", "4,euler:4", "--facts", "3"], "'3' is not a JSON object"),
        (["--program", "4,euler:4", "--image", "8"], "--image"),
    ],
)
def test_bad_options_are_told_in_one_line(model, tmp_path, capsys, options, message):
    common = ["--network", model / "config.json", "--timing", "{}", "--out", tmp_path / "out.json"]
    assert message in told_in_one_line(capsys, "latency", *common, *options)


def test_a_log_file_that_cannot_be_is_told_in_one_line(tmp_path, capsys):
    assert "Is a directory" in told_in_one_line(
        capsys, "--log", tmp_path, "prepare-data", "--settings", "{}", "--out", "x"
    )


def test_a_job_with_a_log_file_ends_without_a_word_of_python(model, tmp_path):
    """Libraries that keep stderr must not stumble over our log at exit."""
    verb = [str(part) for part in sample(model, tmp_path / "s.npz")]
    command = [sys.executable, "-m", "odelt", "--log", tmp_path / "log", *verb]
    told = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert told.returncode == 0 and "Traceback" not in told.stderr and "Exception" not in told.stderr


def test_a_file_where_a_directory_is_to_be_is_told(model, tmp_path, capsys):
    (tmp_path / "m").write_text("in the way", encoding="utf-8")
    said = told_in_one_line(capsys, "import-checkpoint", GOLDEN / CHECKPOINTS["sm"], "--out", tmp_path / "m", *IMPORT)
    assert "is in the way" in said


@pytest.mark.parametrize("verb", ["import-checkpoint", "sample", "train", "sample-grid", "score", "plan", "doctor"])
def test_every_verb_has_help(verb, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([verb, "--help"])
    assert stopped.value.code == 0 and "usage: odelt" in capsys.readouterr().out


def test_importing_odelt_loads_no_heavy_library():
    program = "import sys, odelt; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True
    ).stdout.split()
    assert not {"torch", "tensorflow", "jax", "flax", "sklearn", "matplotlib"} & set(loaded)


def test_python_m_odelt_is_the_same_program():
    told = subprocess.run(
        [sys.executable, "-m", "odelt", "--version"], capture_output=True, encoding="utf-8", check=True
    )
    assert told.stdout.strip() == odelt.__version__


def lines_of(log) -> list[str]:
    return [line for line in log.read_text(encoding="utf-8").splitlines() if line]


def test_a_log_keeps_what_every_try_said_and_how_it_ended(tmp_path):
    for _ in range(2):
        assert cli.main(["--log", str(tmp_path / "log"), "audit", str(tmp_path / "nowhere")]) == 2
    lines = lines_of(tmp_path / "log")
    for began, verdict, ended in (lines[:3], lines[3:]):
        assert began.startswith(f"{process.BEGAN}on {platform.node()}, 2") and began.endswith(" UTC")
        assert verdict.startswith("odelt: ") and "nowhere" in verdict
        assert ended.startswith("== ended with status 2, ")


def test_a_log_names_the_signal_that_ended_a_try(tmp_path, monkeypatch):
    def wait(_):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(30)

    arguments = argparse.Namespace(verb=wait, command="audit", log=tmp_path / "log")
    monkeypatch.setattr(cli.Parser, "parse_args", lambda *_: arguments)
    assert cli.main([]) == 130
    assert lines_of(tmp_path / "log")[1] == "odelt: interrupted by SIGTERM; type the same command again"

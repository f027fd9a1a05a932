"""An audit verifies what is whole, and names on one line whatever is not."""

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import odelt
from odelt import cli
from odelt.audit import snapshot
from odelt.audit.folder import Folder
from odelt.layout import removable
from odelt.provenance import record

pytest_plugins = ("finished",)
ROOT = pathlib.Path(__file__).parents[2]
SCORE = "digits/scores/odelt/ema/l1/euler-1_w1.json"
OTHER_SCORE = "digits/scores/odelt/ema/l1/euler-2_w1.json"
SAMPLES = "digits/samples/odelt/ema/l1/euler-1_w1.npz"
FEATURES = "digits/features/odelt/ema/l1/euler-1_w1.npz"
WEIGHTS = "digits/models/odelt/model.safetensors"
DOWNLOAD = "sources/released/g2_odelt_checkpoint.pkl"
TABLE = ("md", "csv", "links.json")
KINDS = [
    *(DOWNLOAD, "datasets/digits/dataset.npz", WEIGHTS, SAMPLES, FEATURES, SCORE),
    *(f"digits/models/{name}" for name in ("odelt/config.json", "odelt/training.csv", "released/model.safetensors")),
    *("digits/features/network.safetensors", "digits/features/real.npz", "digits/scores/floor.json"),
    *("digits/latency/programs.json", "verdicts.json"),
    *(f"{name}.{kind}" for name in ("claims", "verdicts") for kind in TABLE),
    *(f"digits/tables/{name}.{kind}" for name in ("main", "grid", "trade-off") for kind in TABLE),
    *(f"digits/figures/{name}.{kind}" for name in ("scaling", "samples", "training") for kind in ("svg", "png")),
    *("suite.yaml", "sources.lock.yaml", "sources.yaml", "reference.yaml"),
]

OTHERS = [  # of the same kinds
    *(OTHER_SCORE, SAMPLES.replace("euler-1", "euler-2"), FEATURES.replace("euler-1", "euler-2")),
    *(f"digits/{kind}/released/ema/l1/euler-1_w1.npz" for kind in ("samples", "features")),
    *("digits/scores/released/ema/l1/euler-1_w1.json", "digits/models/released/config.json"),
    *(f"digits/figures/scaling-flops.{kind}" for kind in ("svg", "png")),
]


# Files of the crate, which is one output with one record.
CRATE = [f"crate/{name}" for name in ("ro-crate-metadata.json", "records.json", "Snakefile", "outputs/claims.csv")]
CRATE += ["crate/outputs/digits/tables/main.csv", "crate/outputs/digits/figures/scaling.png", "crate/README.md"]


def problems(audit, path, *options) -> list[str]:
    status, lines, _ = audit(*options, path)
    assert status == 1 and lines
    assert all(line.startswith("odelt: ") for line in lines)
    return lines


def of(lines: list[str], name: str) -> str:
    """What is told of an output."""
    return "\n".join(line for line in lines if f"/{name}: " in line)


def whole_of(name: str) -> tuple[str, str]:
    """The output that a file is, or is part of, and how a line about it names the file."""
    return ("crate", f"({name.removeprefix('crate/')})") if name.startswith("crate/") else (name, "")


def test_every_output_has_a_record_and_a_whole_folder_is_verified(whole, audit):
    every = [path for path in whole.rglob("*") if path.is_file() and not path.name.endswith((".html", ".prov.json"))]
    outputs = {whole_of(path.relative_to(whole).as_posix())[0] for path in every}
    assert outputs == {*KINDS, *OTHERS, "crate"}
    status, lines, said = audit(whole)
    assert (status, lines) == (0, [])
    assert f"{len(outputs)} verified, 0 not" in said


def test_a_copy_gives_the_same_answer_and_digest(whole, results, audit):
    whole_said, copied_said = audit(whole)[2], audit(results)[2]
    assert copied_said.splitlines()[-1].split(": ")[1] == whole_said.splitlines()[-1].split(": ")[1]


def test_a_table_leads_back_to_the_download_and_the_weights(whole, audit):
    status, _, said = audit("--json", whole / "digits" / "tables" / "grid.csv")
    (folder,) = json.loads(said)["folders"]
    assert status == 0 and folder["verified"]
    assert {SCORE, FEATURES, SAMPLES, WEIGHTS, "datasets/digits/dataset.npz"} <= folder["files"].keys()
    assert folder["files"][SCORE]["record"]["parameters"]["facts"][0]["length"] == 1
    assert DOWNLOAD in audit("--tree", whole / "digits" / "models" / "released")[2]


def test_a_record_says_what_was_done(whole):
    known = record.read(record.record_path(whole / SAMPLES))
    assert known.output.sha256 == hashlib.sha256((whole / SAMPLES).read_bytes()).hexdigest()
    assert [input.path for input in known.inputs] == ["digits/models/odelt/config.json", WEIGHTS]
    assert (known.verb, known.seed, known.suite) == ("sample-grid", 0, "tiny")
    assert known.parameters["setting"] == [["euler:1", 1.0, None], ["euler:2", 1.0, None]]
    assert {"jax", "jaxlib", "numpy"} <= known.environment.packages.keys() and known.environment.device
    assert "odelt.sampling.solvers" in known.code.modules and "odelt.cli" not in known.code.modules
    assert str(whole.parent.parent) not in record.record_path(whole / SAMPLES).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*KINDS, *CRATE])
def test_a_flipped_bit_is_told(results, audit, name):
    data = bytearray((results / name).read_bytes())
    data[len(data) // 2] ^= 1
    (results / name).write_bytes(data)
    output, file = whole_of(name)
    told = of(problems(audit, results), output)
    assert f"is not what was recorded{file and f' {file}'}: " in told
    assert file or hashlib.sha256(data).hexdigest() in told


@pytest.mark.parametrize("name", KINDS)
def test_a_missing_file_is_told(results, audit, name):
    (results / name).unlink()
    assert "is missing; it had sha256" in of(problems(audit, results), name)


@pytest.mark.parametrize("name", CRATE)
def test_a_file_that_the_crate_lacks_is_told(results, audit, name):
    (results / name).unlink()
    assert f"is not what was recorded ({name.removeprefix('crate/')})" in of(problems(audit, results), "crate")


def test_a_file_added_to_the_crate_is_told(results, audit):
    (results / "crate" / "outputs" / "better.csv").write_text("better", encoding="utf-8")
    assert "is not what was recorded (outputs/better.csv)" in of(problems(audit, results), "crate")


def test_a_crate_of_other_results_is_told(results, audit):
    """Each link of the crate is held against the results: it was made from all of them."""
    (results / SCORE).write_text("{}", encoding="utf-8")
    assert f"was made from another {SCORE}" in of(problems(audit, results / "crate", "--tree"), "crate")


def test_a_crate_without_its_record_is_told_file_by_file(results, audit):
    record.record_path(results / "crate").unlink()
    lines = problems(audit, results)
    assert all("has no record" in of(lines, name) for name in CRATE)


def test_a_missing_crate_is_told(results, audit):
    shutil.rmtree(results / "crate")
    assert "is missing; it had sha256" in of(problems(audit, results), "crate")


@pytest.mark.parametrize("name", [*KINDS, "crate"])
def test_an_edited_record_is_told(results, audit, name):
    path = record.record_path(results / name)
    content = json.loads(path.read_text(encoding="utf-8"))
    content["ended"] = "2020-01-01T00:00:00+00:00"
    path.write_text(json.dumps(content), encoding="utf-8")
    assert "its record was edited" in of(problems(audit, results), name)


@pytest.mark.parametrize("name", KINDS)
def test_a_missing_record_is_told(results, audit, name):
    record.record_path(results / name).unlink()
    assert "has no record" in of(problems(audit, results), name)


GARBAGE = {
    "nothing": b"",
    "cut short": b'{"output": {"path": "digi',
    "no text": bytes(range(256)),
    "a list": b"[1, 2]",
    "null": b"null",
    "deep": b"[" * 100_000,
    "not finite": b'{"output": NaN}',
    "wrong types": b'{"output": {"path": 3, "sha256": "x", "bytes": -1}}',
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE)
def test_a_garbage_record_is_told(results, audit, content):
    record.record_path(results / SCORE).write_bytes(content)
    assert "its record cannot be read" in of(problems(audit, results), SCORE)


def test_a_record_that_is_a_folder_is_told(results, audit):
    path = record.record_path(results / SCORE)
    path.unlink()
    path.mkdir()
    assert "its record is no file" in of(problems(audit, results / "digits" / "tables" / "grid.csv"), SCORE)


def test_swapped_files_are_told(results, audit):
    swap(results / SCORE, results / OTHER_SCORE)
    lines = problems(audit, results)
    assert of(lines, SCORE) and of(lines, OTHER_SCORE)


def test_files_swapped_with_their_records_are_told(results, audit):
    swap(results / SCORE, results / OTHER_SCORE)
    swap(record.record_path(results / SCORE), record.record_path(results / OTHER_SCORE))
    lines = problems(audit, results)
    assert "its record is that of another file" in of(lines, SCORE)


def swap(one, other):
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def test_a_record_of_another_suite_is_told(results, audit, edit):
    edit(SCORE, lambda content: content.update(suite="other"))
    assert "its record is of another suite, 'other'" in of(problems(audit, results), SCORE)


@pytest.mark.parametrize("path", ["../secret", "digits/../../secret", "/etc/hostname", "digits/./x", "", "a\0b"])
def test_a_path_outside_of_the_folder_is_told_and_not_followed(results, audit, edit, path):
    secret = results.parent / "secret"
    secret.write_text("secret", encoding="utf-8")
    digest = hashlib.sha256(b"secret").hexdigest()
    edit(SCORE, lambda content: content["inputs"].append({"path": path, "sha256": digest, "external": False}))
    assert "a path outside of the folder" in of(problems(audit, results), SCORE)


@pytest.mark.parametrize("linked", [SCORE, "digits/models"])
def test_a_link_out_of_the_folder_is_told_and_not_followed(results, audit, linked):
    away = results.parent / "away"
    (results / linked).rename(away)
    (results / linked).symlink_to(away)
    lines = problems(audit, results / "digits" / "tables" / "grid.csv")
    assert "leads out of the folder" in "\n".join(lines)


def test_an_unknown_file_outside_of_the_folder_is_told(results, audit, edit):
    digest = "0" * 64
    edit(SCORE, lambda content: content["inputs"].append({"path": "x.npz", "sha256": digest, "external": True}))
    assert "was made from x.npz outside of the folder" in of(problems(audit, results), SCORE)


def test_a_cycle_is_told(results, audit, edit):
    digest = hashlib.sha256((results / SCORE).read_bytes()).hexdigest()
    edit(WEIGHTS, lambda content: content["inputs"].append({"path": SCORE, "sha256": digest, "external": False}))
    assert "is made from itself, by way of" in "\n".join(problems(audit, results))
    assert "is made from itself" in "\n".join(problems(audit, results / SCORE))


def test_a_pipe_is_told_and_not_waited_for(results, audit):
    (results / SCORE).unlink()
    os.mkfifo(results / SCORE)
    assert "no file of this folder" in of(problems(audit, results), SCORE)


def test_an_output_from_nothing_is_told(results, audit, edit):
    edit(SCORE, lambda content: content.update(inputs=[]))
    assert "names nothing that it was made from" in of(problems(audit, results), SCORE)


def test_an_added_file_is_told(results, audit):
    shutil.copy(results / SCORE, results / "digits" / "scores" / "better.json")
    assert "has no record" in of(problems(audit, results), "digits/scores/better.json")


def forge(results, edit, name, content: str):
    """Writes a kept copy anew, with a record that fits."""
    (results / name).write_text(content, encoding="utf-8")
    digest = hashlib.sha256(content.encode()).hexdigest()

    def change(known):
        known["output"] |= {"sha256": digest, "bytes": len(content.encode())}
        known["inputs"][0]["sha256"] = digest

    edit(name, change)


@pytest.mark.parametrize("content, told", [("sources: {}\n", "is not in the lock"), ("[", "cannot be read")])
def test_a_source_that_is_not_in_the_lock_is_told(results, audit, edit, content, told):
    forge(results, edit, "sources.lock.yaml", content)
    assert told in "\n".join(problems(audit, results))


def test_a_source_with_another_digest_in_the_lock_is_told(results, audit, edit):
    lock = (results / "sources.lock.yaml").read_text(encoding="utf-8")
    known = hashlib.sha256((results / DOWNLOAD).read_bytes()).hexdigest()
    forge(results, edit, "sources.lock.yaml", lock.replace(known, "a" * 64))
    assert f"has sha256 {known}, the lock (sources.lock.yaml) has {'a' * 64}" in of(problems(audit, results), DOWNLOAD)


def test_other_parameters_than_the_suites_are_told(results, audit, edit):
    suite = (results / "suite.yaml").read_text(encoding="utf-8")
    forge(results, edit, "suite.yaml", suite.replace("learning_rate: 0.001", "learning_rate: 0.002"))
    lines = problems(audit, results)
    expected = "training.learning_rate is 0.001, and 0.002 in the configuration"
    assert expected in of(lines, WEIGHTS) and not of(lines, SCORE)


def test_a_suite_that_asks_for_something_else_is_told(results, audit, edit):
    suite = (results / "suite.yaml").read_text(encoding="utf-8")
    forge(results, edit, "suite.yaml", suite.replace("euler:1", "euler:8"))
    assert "asks for no such output; remove it" in of(problems(audit, results), SCORE)


def test_a_suite_does_not_pass_as_a_latency_study(results, audit, monkeypatch):
    monkeypatch.chdir(ROOT)
    for name in ("suite.yaml", "reference.yaml"):
        (results / name).unlink()
        record.record_path(results / name).unlink()
    study = ("--study", "config/latency-small.yaml", "--published", "config/reference.yaml")
    assert cli.main(["latency-snapshot", *study, "--out", str(results)]) == 0
    assert "no latency study makes it ('train')" in of(problems(audit, results), WEIGHTS)


@pytest.mark.parametrize("part", ["digits", "digits/models", "digits/samples", "digits/scores", "datasets", "sources"])
def test_a_half_deleted_folder_is_told(results, audit, part):
    shutil.rmtree(results / part)
    assert any(part in line and "missing" in line for line in problems(audit, results)) or part == "digits"
    assert part != "digits" or "claims.csv" in "\n".join(problems(audit, results))


def test_only_records_left_is_told(results, audit):
    for path in results.rglob("*"):
        if path.is_file() and not path.name.endswith(record.SUFFIX):
            path.unlink()
    assert len([line for line in problems(audit, results) if ": is missing; it had" in line]) == len(KINDS) + len(
        OTHERS
    )


def test_what_is_cleaned_away_is_told_and_verified(results, audit, whole, monkeypatch):
    folder = results.parent / "project"
    shutil.copytree(whole.parent.parent / "config", folder / "config")
    shutil.move(results, folder / "results" / "tiny")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "caches"))
    assert cli.main(["clean", "--suite", "tiny", "--yes"]) == 0
    assert not (folder / "results" / "tiny" / SAMPLES).exists()
    status, _, said = audit("--tree", folder / "results" / "tiny" / SCORE)
    assert status == 0
    had = record.read(record.record_path(whole / SAMPLES)).output.sha256
    assert f"{SAMPLES}: removed as temporary (sample-grid, seed 0, " in said and f"had sha256 {had}" in said


def test_the_digest_is_of_content_and_not_of_times(results, audit, edit, whole):
    digest = audit(whole)[2].split()[-1]
    edit(SCORE, lambda content: content.update(started="2020-01-01T00:00:00+00:00"))
    assert audit("--expect", digest, results)[0] == 0
    edit(SCORE, lambda content: content["environment"].update(python="3.12.0"))
    status, lines, _ = audit("--expect", digest, results)
    assert status == 1 and "not " + digest in lines[-1]


@pytest.mark.parametrize("path, told", [("absent.csv", "is missing"), ("digits/tables/grid.html", "is a page")])
def test_what_cannot_be_audited_is_told(results, audit, path, told):
    status, lines, _ = audit(results / path)
    assert status == 2 and len(lines) == 1 and told in lines[0]


@pytest.mark.parametrize("name", ["suite.yaml", "sources.lock.yaml"])
def test_a_kept_copy_that_cannot_be_read_is_told(results, audit, edit, name):
    forge(results, edit, name, "[")
    assert "cannot be read" in "\n".join(problems(audit, results))


def test_a_kept_copy_behind_a_link_is_not_read(results, audit):
    away = results.parent / "suite.yaml"
    (results / "suite.yaml").rename(away)
    (results / "suite.yaml").symlink_to(away)
    assert "is a link that leads out of the folder" in of(problems(audit, results), "suite.yaml")


STRANGE = [None, "", "\ud800", "\0", "..", "/", "a" * 5000, -1, 1e308, [], {}, [[]], {"\n": "\r"}, True, "{", "0" * 64]


def places_in(content, path=()):
    """The way to every value in plain data."""
    yield path
    children = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, child in children:
        yield from places_in(child, (*path, key))


def test_whatever_a_record_holds_there_is_an_answer(whole, results, audit, tmp_path):
    """Every value of a record by something strange, the seal mended where that can be done."""
    checkout = tmp_path / "checkout"
    shutil.copytree(whole.parent.parent / "config", checkout / "config")
    (checkout / "odelt").symlink_to(pathlib.Path(odelt.__file__).parent)
    path = record.record_path(results / SAMPLES)
    text = path.read_text(encoding="utf-8")
    for k, way in enumerate(list(places_in(json.loads(text)))):
        content = json.loads(text)
        strange = STRANGE[k % len(STRANGE)]
        inner = content
        for key in way[:-1]:
            inner = inner[key]
        if way:
            inner[way[-1]] = strange
        path.write_text(json.dumps(content if way else strange), encoding="utf-8")
        with contextlib.suppress(ValueError):
            path.write_text(json.dumps(json.loads(record.read(path).sealed().model_dump_json())), encoding="utf-8")
        status, lines, _ = audit(results / SCORE)
        assert status in (0, 1), (way, strange, lines)
        assert all(line.startswith("odelt: copied/") for line in lines)
        status, lines, _ = audit("--json", "--against", checkout, results / SCORE)
        assert status in (0, 1) or len(lines) == 1, (way, strange, lines)


def test_what_the_workflow_removes_is_temporary_and_nothing_else(tmp_path):
    shutil.copy(pathlib.Path(__file__).parents[2] / "config" / "rehearsal.yaml", tmp_path / "suite.yaml")
    suite = snapshot.Snapshot(Folder(tmp_path)).suite
    for path in ("datasets/celebahq-256/latents", "celebahq-b/samples/sm/x.npz", "imagenet-b/statistics/x.npz"):
        assert removable.is_temporary(suite, path) and removable.may_be_removed(suite, path), path
    for path in (
        "datasets/celebahq-256/codec.json",
        "celebahq-b/pictures/x.npz",
        "sources/vae/files",
        "other/samples/x",
    ):
        assert not removable.is_temporary(suite, path), path


def test_what_was_changed_is_told_before_what_was_made_from_it(results, audit):
    (results / SAMPLES).write_bytes(b"changed")
    lines = problems(audit, results, "--tree")
    assert f"/{SAMPLES}: is not what was recorded" in lines[0] and len(lines) > 1


def test_tables_of_an_unfinished_run_are_outside_of_the_chain(results, audit):
    before = audit(results)[2].splitlines()[-1]
    shutil.copytree(results / "digits" / "tables", results / "so-far" / "digits" / "tables")
    status, lines, said = audit(results)
    assert (status, lines, said.splitlines()[-1]) == (0, [], before)


def test_the_root_of_the_file_system_is_no_folder_of_results(audit):
    status, lines, _ = audit("/")
    assert status == 2 and lines == ["odelt: / is no folder of results: name one, or a file in it"]


def test_what_the_records_cost_can_be_measured(whole):
    script = pathlib.Path(__file__).parents[2] / "benchmarks" / "recording.py"
    command = [sys.executable, script, "--results", whole, "--bytes", "20000000", "--repeats", "1"]
    told = subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout
    figures = json.loads(told.splitlines()[-1])
    assert 0 < figures["tables"]["in_records"] < figures["tables"]["seconds"]
    assert figures["large_file"]["hashed_bytes"] > 0 and figures["machine"]["cores"] > 0

"""A verb that succeeds leaves a record beside each output, of what it read."""

import argparse
import hashlib
import os
import pathlib

import pytest

from odelt import OdeltError, files, trace
from odelt.audit import audit
from odelt.provenance import digests, record
from odelt.provenance.recording import recording


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """A suite's folder, in a project's."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results" / "tiny"
    folder.mkdir(parents=True)
    return folder


def verb(out, **options) -> argparse.Namespace:
    return argparse.Namespace(verb=verb, command="act", log=None, out=out, **options)


def run(out, inputs=(), text="text", **options) -> record.Record:
    """Reads the inputs, writes the output, and returns its record."""
    with recording(verb(out, **options)):
        for path in inputs:
            trace.used(path)
        files.write_text(out, text)
    return record.read(record.record_path(out))


def test_an_input_has_the_digest_that_it_had_when_it_was_read(suite):
    files.write_text(suite / "a", "before")
    with recording(verb(suite / "b")):
        trace.used(suite / "a")
        (suite / "a").write_text("after", encoding="utf-8")
        files.write_text(suite / "b", "text")
    (known,) = record.read(record.record_path(suite / "b")).inputs
    assert known == record.Input(path="a", sha256=hashlib.sha256(b"before").hexdigest())


def test_a_verb_that_fails_leaves_no_record(suite):
    with pytest.raises(RuntimeError), recording(verb(suite / "a")):
        files.write_text(suite / "a", "text")
        raise RuntimeError
    with recording(verb(suite / "a")) as outcome:
        files.write_text(suite / "a", "text")
        outcome.status = 143  # interrupted, say
    assert not record.record_path(suite / "a").exists()


def test_only_what_was_asked_for_has_a_record(suite):
    """A lock, checkpoints, logs and pages are written too."""
    with recording(verb(suite / "digits")):
        for path in (
            "config/lock.yaml",
            suite / "checkpoints" / "a",
            suite / "digits" / "a",
            suite / "digits" / "a.html",
        ):
            files.write_text(path, "text")
    assert [path.name for path in pathlib.Path().rglob("*.prov.json")] == ["a.prov.json"]


def test_without_a_command_nothing_is_recorded(suite):
    trace.used(suite / "absent")
    files.write_text(suite / "a", "text")
    with trace.separately():
        assert not record.record_path(suite / "a").exists()


def test_a_password_is_not_recorded(suite):
    run(suite / "a", proxy="http://me:secret@proxy")
    assert "secret" not in record.record_path(suite / "a").read_text(encoding="utf-8")


def test_a_record_says_in_which_precision_a_part_was_computed_and_only_where_there_was_a_choice(suite):
    with recording(verb(suite / "a")):
        trace.computed("codec", "tf32")
        files.write_text(suite / "a", "text")
    made = record.read(record.record_path(suite / "a")).environment
    assert made.precisions == {"codec": "tf32"} and made.computed_on.endswith("codec in tf32")
    run(suite / "b")
    assert "precisions" not in record.record_path(suite / "b").read_text(encoding="utf-8")


def test_files_outside_of_the_suite_are_external_and_never_absolute(suite, tmp_path):
    files.write_text(tmp_path / "downloads" / "a", "text")
    files.write_text(tmp_path.parent / "elsewhere", "text")
    inputs = [tmp_path / "downloads" / "a", tmp_path.parent / "elsewhere"]
    known = run(suite / "b", inputs, source=inputs[1])
    assert [(one.path, one.external) for one in known.inputs] == [("downloads/a", True), ("elsewhere", True)]
    assert known.parameters == {"out": "b", "source": "elsewhere"}


def test_an_output_elsewhere_is_told_from_its_own_folder(suite, tmp_path):
    files.write_text(suite / "model", "text")
    known = run(tmp_path / "samples", [suite / "model"])
    assert (known.suite, known.output.path) == (None, "samples")
    assert known.inputs[0].path == "results/tiny/model" and not known.inputs[0].external


def test_what_is_read_separately_belongs_to_what_is_written_there(suite):
    for name in ("common", "one", "two"):
        files.write_text(suite / name, name)
    with recording(verb([suite / "of-one", suite / "of-two"])):
        trace.used(suite / "common")
        for name in ("one", "two"):
            with trace.separately():
                trace.used(suite / name)
                files.write_text(suite / f"of-{name}", "text")
    for name in ("one", "two"):
        known = record.read(record.record_path(suite / f"of-{name}"))
        assert [one.path for one in known.inputs] == ["common", name]


def a_folder(suite) -> pathlib.Path:
    folder = suite / "sources" / "folder" / "files"
    with recording(verb(folder)):
        for name in ("a", "deep/b", ".mark"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name, encoding="utf-8")
        trace.made(folder)
    return folder


def test_a_folder_has_one_record_and_its_files_stand_for_it(suite):
    folder = a_folder(suite)
    output = record.read(record.record_path(folder)).output
    listed = "".join(f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n" for name in ("a", "deep/b"))
    assert output.sha256 == hashlib.sha256(listed.encode()).hexdigest()
    known = run(suite / "c", [folder / "deep" / "b", folder / "a"])
    assert [(one.path, one.sha256) for one in known.inputs] == [("sources/folder/files", output.sha256)]


@pytest.mark.parametrize("change", ["write", "add", "remove"])
def test_a_changed_file_of_a_folder_is_named(suite, change):
    folder = a_folder(suite)
    path = folder / ("deep/b" if change != "add" else "new")
    path.unlink() if change == "remove" else path.write_text("other", encoding="utf-8")
    (found,) = audit.audit([folder])
    assert any(f"is not what was recorded ({path.relative_to(folder)})" in line for line in found.problems)


def test_the_same_again_leaves_the_record_as_it_is(suite):
    run(suite / "a")
    before = record.record_path(suite / "a").stat().st_mtime_ns
    run(suite / "a")
    assert record.record_path(suite / "a").stat().st_mtime_ns == before
    run(suite / "a", encoding="utf-8")
    assert record.record_path(suite / "a").stat().st_mtime_ns != before


def test_something_large_is_hashed_again_only_where_it_was_written_again(suite, monkeypatch):
    monkeypatch.setattr(digests, "LARGE", 1)
    known = run(suite / "large").output
    find, hashed = digests.find, []
    monkeypatch.setattr(digests, "find", lambda path: hashed.append(path.name) or find(path))
    assert run(suite / "b", [suite / "large"]).inputs[0].sha256 == known.sha256 and hashed == ["b"]
    (suite / "large").write_text("other, written by somebody", encoding="utf-8")
    assert run(suite / "c", [suite / "large"]).inputs[0].sha256 != known.sha256 and hashed == ["b", "large", "c"]


def test_times_are_no_part_of_what_lasts(suite):
    one = run(suite / "a")
    assert one.model_copy(update={"started": "2020", "ended": "2021"}).lasting == one.lasting
    assert one.model_copy(update={"seed": 1}).lasting != one.lasting


def test_a_named_pipe_is_neither_a_record_nor_an_input(tmp_path):
    os.mkfifo(tmp_path / "a.prov.json")
    with pytest.raises(OdeltError, match="a.prov.json is a named pipe"):
        record.read(tmp_path / "a.prov.json")
    with pytest.raises(OdeltError, match="a.prov.json is a named pipe"):
        digests.find(tmp_path / "a.prov.json")

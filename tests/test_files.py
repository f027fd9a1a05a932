"""Writes are atomic: whole under their name, or not there."""

import os

import pytest

from odelt import OdeltError, files


def test_a_failed_write_leaves_the_old_file_and_no_draft(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(RuntimeError), files.writing(path) as draft:
        draft.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_failed_directory_is_not_there(tmp_path):
    with pytest.raises(RuntimeError), files.writing_directory(tmp_path / "d") as draft:
        (draft / "a").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_in_one_line(tmp_path):
    with (
        pytest.raises(OdeltError, match=r"cannot write .*a.txt: No space left on device"),
        files.writing(tmp_path / "a.txt"),
    ):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_written_file_is_readable_by_others(tmp_path):
    files.write_text(tmp_path / "deep" / "a.txt", "text")
    assert (tmp_path / "deep" / "a.txt").stat().st_mode & 0o444 == 0o444


def test_a_digest_is_the_files_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert files.digest(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    "make, kind",
    [
        (os.mkfifo, "a named pipe"),
        (os.mkdir, "a folder"),
        (lambda path: path.symlink_to("nothing"), "a link to nothing"),
        (lambda path: path.symlink_to(path.name), "a link to nothing"),
        (lambda path: path.symlink_to(os.devnull), "a device"),
    ],
)
def test_what_is_no_regular_file_is_named_before_it_is_opened(tmp_path, make, kind):
    make(tmp_path / "a.tar")
    with pytest.raises(OdeltError, match=rf"a.tar is {kind}.*\(archive\)") as told:
        files.require_regular(tmp_path / "a.tar", "archive")
    assert "\n" not in str(told.value)


def test_a_regular_file_a_link_to_one_and_a_missing_path_are_left_to_the_reader(tmp_path):
    (tmp_path / "a").touch()
    (tmp_path / "link").symlink_to("a")
    for name in ("a", "link", "none"):
        files.require_regular(tmp_path / name)


def test_a_named_pipe_has_no_digest(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OdeltError, match="pipe is a named pipe"):
        files.digest(tmp_path / "pipe")

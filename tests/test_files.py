"""Writes are atomic: whole under their name, or not there."""

import pytest

from odelt import OdeltError, files


def test_a_failed_write_leaves_the_old_file_and_no_draft(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(RuntimeError), files.writing(path) as draft:
        draft.write_text("half", encoding="utf-8")
        raise RuntimeError
    assert path.read_text(encoding="utf-8") == "old" and list(tmp_path.iterdir()) == [path]


def test_a_failed_directory_is_not_there(tmp_path):
    with pytest.raises(RuntimeError), files.writing_directory(tmp_path / "d") as draft:
        (draft / "a").write_text("half", encoding="utf-8")
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

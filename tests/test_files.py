"""Writes are atomic: whole under their name, or not there."""

import errno
import os

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


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_without_room_the_remedy_is_to_make_some(tmp_path, number):
    with pytest.raises(OdeltError, match=f"{os.strerror(number)}: make room; the same command goes on"):  # noqa: SIM117
        with files.writing(tmp_path / "a.txt"):
            raise OSError(number, os.strerror(number))
    with pytest.raises(OdeltError, match="Permission denied$"), files.writing(tmp_path / "a.txt"):
        raise OSError(errno.EACCES, "Permission denied")


@pytest.fixture
def odd(tmp_path):
    """Paths at which no file can be written, by kind."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    (tmp_path / "link to nothing").symlink_to(tmp_path / "nothing")
    (tmp_path / "link to a device").symlink_to("/dev/null")
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    "name, message",
    [
        ("pipe", "is no regular file"),
        ("link to a device", "is no regular file"),
        ("link to nothing", "is a link to nothing"),
        ("folder", "it is a folder, and a file is to be written there"),
        ("file/deeper/a.npz", "file is no folder that you may write in"),
        ("x" * 300, "cannot look at"),
    ],
)
def test_a_path_at_which_no_file_can_be_is_refused_and_left_as_it_is(odd, name, message):
    before = sorted(odd.iterdir())
    with pytest.raises(OdeltError, match=message):
        files.write_text(odd / name, "text")
    assert sorted(odd.iterdir()) == before and (odd / "file").read_text(encoding="utf-8") == "kept"


def test_a_device_is_no_output():
    """Only asked: a write that went wrong would cost the machine its device."""
    with pytest.raises(OdeltError, match="/dev/null is no regular file"):
        files.require_free("/dev/null")


@pytest.mark.parametrize("name", ["file", "pipe", "link to nothing", "/dev/null", "file/m"])
def test_a_path_at_which_no_folder_can_be_is_refused(odd, name):
    with pytest.raises(OdeltError, match=r"in the way|link to nothing|no folder"):
        files.require_free(odd / name, folder=True)


def test_files_folders_and_links_to_them_may_give_way(odd):
    (odd / "link").symlink_to(odd / "file")
    for name in ("file", "link", "new", "new/deeper"):
        files.require_free(odd / name)
    for name in ("folder", "new", "new/deeper"):
        files.require_free(odd / name, folder=True)


@pytest.mark.parametrize("name", ["../a", "/etc/a", "b/../../a", "out/a"])
def test_a_name_that_leads_out_of_its_folder_is_refused(tmp_path, name):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "out").symlink_to(tmp_path)
    with pytest.raises(OdeltError, match="leads out of"):
        files.inside(tmp_path / "work", name)
    assert files.inside(tmp_path / "work", "b/a") == tmp_path / "work" / "b" / "a"


def test_a_written_file_is_readable_by_others(tmp_path):
    files.write_text(tmp_path / "deep" / "a.txt", "text")
    assert (tmp_path / "deep" / "a.txt").stat().st_mode & 0o444 == 0o444


def test_the_files_of_a_written_directory_are_readable_by_others(tmp_path):
    with files.writing_directory(tmp_path / "model") as draft:
        (draft / "weights").touch(mode=0o600)
    assert (tmp_path / "model" / "weights").stat().st_mode & 0o044


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

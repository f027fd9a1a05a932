"""Locks of files, on filesystems with and without them."""

import errno
import fcntl

import pytest

from odelt.machine import locks


@pytest.fixture
def pair(tmp_path):
    """The same file, opened twice."""
    path = tmp_path / "lock"
    with path.open("w", encoding="utf-8") as one, path.open("r+", encoding="utf-8") as other:
        yield one, other


def test_who_holds_a_file_keeps_others_out_until_it_is_closed(pair):
    one, other = pair
    assert locks.hold(one) and not locks.hold(other)
    one.close()
    assert locks.hold(other)


def test_readers_share_a_file(pair):
    assert all(locks.hold(file, shared=True) for file in pair)


@pytest.mark.parametrize("number", locks.ABSENT)
def test_without_locks_every_process_may_use_a_file_and_doctor_can_say_so(pair, tmp_path, monkeypatch, number):
    assert locks.work_in(tmp_path)

    def refuse(*_):
        raise OSError(number, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert all(map(locks.hold, pair))
    assert not locks.work_in(tmp_path)


def test_another_error_of_a_lock_is_not_hidden(pair, monkeypatch):
    def fail(*_):
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(OSError, match="Bad file"):
        locks.hold(pair[0])

"""The lock: a known digest must agree, an unknown one is recorded once and marked until a person vouches for it."""

import datetime
import pathlib
import subprocess
import sys

import pytest

from odelt import OdeltError
from odelt.config.registry import load_registry
from odelt.sources import lock as locks
from odelt.sources.lock import FileContent, load_lock, record, trusted

CONFIG = pathlib.Path(__file__).parents[2] / "config"
DAY = datetime.date(2026, 1, 2)
A, B = FileContent("a" * 64, 1), FileContent("b" * 64, 2)


def test_the_committed_lock_is_valid_and_names_only_files_of_the_registry():
    lock, registry = load_lock(CONFIG / "sources.lock.yaml"), load_registry(CONFIG / "sources.yaml")
    for name, records in lock.sources.items():
        assert set(records) == ({registry[name].file} if registry[name].file else set(registry[name].hub.files))


def test_the_fid_weights_are_held_to_the_digest_in_their_name():
    lock = load_lock(CONFIG / "sources.lock.yaml")
    file = load_registry(CONFIG / "sources.yaml")["inception-fid"].file
    assert f"-{lock.of('inception-fid')[file].sha256_prefix}." in file
    good, bad = FileContent("6726825d" + "0" * 56, 1), FileContent("6726825e" + "0" * 56, 1)
    assert locks.differences(lock, "inception-fid", {file: good}) == []
    assert locks.differences(lock, "inception-fid", {file: bad}) == [file]


def test_a_first_digest_is_recorded_with_its_mark_date_and_size(tmp_path):
    path = tmp_path / "lock.yaml"
    record(path, "vae", {"config.json": A}, DAY)
    kept = load_lock(path).of("vae")["config.json"]
    assert (kept.sha256, kept.bytes, kept.recorded, kept.date) == (A.sha256, 1, "first use", "2026-01-02")
    assert list(tmp_path.iterdir()) == [path]


def test_a_source_is_verified_once_the_user_deletes_the_mark(tmp_path):
    path = tmp_path / "lock.yaml"
    record(path, "vae", {"config.json": A}, DAY)
    assert trusted(load_lock(path), "vae") == "recorded on first use"
    path.write_text(
        "".join(
            line for line in path.read_text(encoding="utf-8").splitlines(True) if "recorded: first use" not in line
        ),
        encoding="utf-8",
    )
    assert trusted(load_lock(path), "vae") == "verified"
    with pytest.raises(OdeltError, match="celebahq: no digest of it is recorded in the lock; fetch it first"):
        trusted(load_lock(path), "celebahq")


def test_recording_keeps_the_header_and_the_other_records(tmp_path):
    path = tmp_path / "lock.yaml"
    path.write_text((CONFIG / "sources.lock.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    before = load_lock(path)
    record(path, "celebahq", {"data/train-0.parquet": A, "data/train-1.parquet": B}, DAY)
    after = load_lock(path)
    assert path.read_text(encoding="utf-8").startswith(
        (CONFIG / "sources.lock.yaml").read_text(encoding="utf-8").partition("sources:")[0]
    )
    assert {name: after.of(name) for name in before.sources} == before.sources
    assert set(after.of("celebahq")) == {"data/train-0.parquet", "data/train-1.parquet"}


def test_another_digest_is_never_written_over_a_record(tmp_path):
    path = tmp_path / "lock.yaml"
    record(path, "vae", {"config.json": A}, DAY)
    before = path.read_text(encoding="utf-8")
    with pytest.raises(OdeltError, match=f"sha256 {B.sha256}, and another fetch has just recorded {A.sha256}"):
        record(path, "vae", {"config.json": B}, DAY)
    assert path.read_text(encoding="utf-8") == before


def test_jobs_that_record_at_once_lose_nothing(tmp_path):
    path = tmp_path / "lock.yaml"
    program = (
        "import sys; from datetime import date; from odelt.sources.lock import FileContent, record\n"
        "received = {'f': FileContent('a' * 64, 1)}\n"
        "for k in range(9): record(sys.argv[1], f'{sys.argv[2]}-{k}', received, date(2026, 1, 2))"
    )
    jobs = [subprocess.Popen([sys.executable, "-c", program, path, name]) for name in ("a", "b", "c")]
    assert [job.wait() for job in jobs] == [0, 0, 0]
    assert len(load_lock(path).sources) == 27


def test_a_record_without_a_digest_or_with_a_wrong_key_is_told(tmp_path):
    path = tmp_path / "lock.yaml"
    path.write_text("sources: {a: {f: {bytes: 3}}}", encoding="utf-8")
    with pytest.raises(OdeltError, match="sources.a.f: a file has exactly one of sha256 and sha256_prefix"):
        load_lock(path)
    path.write_text(f"sources: {{a: {{f: {{sha265: {A.sha256}}}}}}}", encoding="utf-8")
    with pytest.raises(OdeltError, match=r"unknown key 'sources.a.f.sha265'; did you mean 'sha256"):
        load_lock(path)


def test_a_lock_that_is_not_there_is_empty(tmp_path):
    assert load_lock(tmp_path / "none.yaml").sources == {}

"""What a table says of the files that its numbers rest on."""

import json

import pytest

from odelt.config import Codec
from odelt.errors import OdeltError
from odelt.publishing import notes

DIGEST = "a" * 64
LOCK = f"""
sources:
  vouched: {{a.npz: {{sha256: {DIGEST}}}}}
  new: {{b.npz: {{sha256: {DIGEST}, recorded: first use}}}}
"""


def test_sources_that_nobody_vouched_for_are_named_and_no_others(tmp_path):
    path = tmp_path / "lock.yaml"
    path.write_text(LOCK, encoding="utf-8")
    told = notes.on_trust(path, ["vouched", "new", "not-there"])
    assert told == "Digests recorded on first use, which nobody has vouched for yet: new, not-there."
    assert notes.on_trust(path, ["vouched"]) == ""


def test_references_and_precision_are_told_where_they_were_run(tmp_path):
    codec = Codec(source="vae")
    assert notes.on_references(tmp_path / "r.json") == notes.on_precision(tmp_path / "c.json", codec) == ""
    (tmp_path / "r.json").write_text(json.dumps({"images": 3, "fid": {"ours": 0.125, "jax": 2}}), encoding="utf-8")
    errors = {"tf32": {"images_rms": 0.001, "fid": 1e-5}, "bfloat16": {"images_rms": 0.01234, "fid": 0.0567}}
    (tmp_path / "c.json").write_text(json.dumps({"errors": errors}), encoding="utf-8")
    assert notes.on_references(tmp_path / "r.json").endswith("to the recomputed ones: 0.12 (ours), 2.00 (jax).")
    told = notes.on_precision(tmp_path / "c.json", codec)
    assert told.startswith("Codec in tf32. ") and "tf32 0.001 and 1e-05; bfloat16 0.012 and 0.057." in told


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "r.json").write_text("{}", encoding="utf-8")
    with pytest.raises(OdeltError, match=r"r.json is damaged"):
        notes.on_references(tmp_path / "r.json")

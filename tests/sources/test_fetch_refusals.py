"""What a fetch refuses before it asks the network; no download library is needed."""

import os
import pathlib
import types

import pytest

from odelt import OdeltError
from odelt.config import Downloads
from odelt.sources.fetch import fetch

REGISTRY = pathlib.Path(__file__).parents[2] / "config" / "sources.yaml"
FILE, FOLDER = "inception-clean", "vae"


def refused(tmp_path, match, name=FILE, out="out"):
    lock = str(tmp_path / "lock.yaml")
    with pytest.raises(OdeltError, match=match):
        fetch(name, tmp_path / out, Downloads(registry=str(REGISTRY), lock=lock, by_hand=str(tmp_path)))


@pytest.mark.parametrize("name, match", [(FILE, "is a folder, and a file"), (FOLDER, "is no folder, and a folder")])
def test_an_output_of_the_other_kind_is_refused(tmp_path, name, match):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    refused(tmp_path, match, name, out="folder" if name == FILE else "file")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "kept"


def test_a_device_is_not_replaced(tmp_path):
    (tmp_path / "device").symlink_to("/dev/null")
    refused(tmp_path, "device is no regular file", out="device")
    assert (tmp_path / "device").is_symlink()


def test_a_pipe_among_the_files_fetched_by_hand_is_named(tmp_path):
    os.mkfifo(tmp_path / "inception-2015-12-05.pt")
    refused(tmp_path, "inception-2015-12-05.pt is .*where a regular file is needed")


@pytest.mark.parametrize("path", ["../other", "/tmp/other", "a/../../other"])
def test_a_name_that_the_hub_lists_cannot_lead_out_of_the_folder(tmp_path, path):
    hub = pytest.importorskip("odelt.sources.hub", exc_type=ImportError)
    with pytest.raises(OdeltError, match="leads out of"):
        hub._file(None, "commit", types.SimpleNamespace(path=path), tmp_path / "work")

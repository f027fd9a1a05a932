"""A user's folder of images: what is read, what is left out and said, and how a change is seen."""

import contextlib
import os
import shutil

import PIL.Image
import pytest

from odelt import OdeltError, cli, config, files
from odelt.data import folders, images
from odelt.kinds import KINDS
from odelt.planning import own_files
from odelt.provenance import digests, record


@pytest.fixture
def root(tmp_path):
    for name in ("cat/a.png", "cat/b.png", "dog/c.png"):
        path = tmp_path / "pets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.new("RGB", (9, 9), "red").save(path)
    own_files.stamps.cache_clear()
    return tmp_path / "pets"


def test_nothing_is_said_where_every_file_is_read(root):
    (root / ".DS_Store").touch()
    assert folders.left_out(root) is None


def test_files_that_are_no_images_in_the_folder_of_a_class_are_counted_and_named(root):
    (root / "cat" / "notes.txt").touch()
    (root / "loose.png").touch()
    (root / "dog" / "._c.png").touch()  # as macOS leaves them beside an image
    (root / "dog" / "puppies" / "young").mkdir(parents=True)
    (root / "dog" / "puppies" / "young" / "d.png").touch()
    (root / "dog" / "more").symlink_to(root / "cat")
    line = folders.left_out(root)
    assert "5 files are left out" in line
    for name in ("cat/notes.txt", "loose.png", "dog/._c.png", "dog/puppies/young/d.png", "dog/more"):
        assert f"'{name}'" in line
    assert folders.names_read(root) == ["cat/a.png", "cat/b.png", "dog/c.png"]


def test_of_many_files_that_are_left_out_the_first_are_named(root):
    for k in range(30):
        (root / "cat" / f"{k:02}.heic").touch()
    line = folders.left_out(root)
    assert "30 files are left out" in line and "'cat/09.heic' and more" in line and "cat/10.heic" not in line


def test_the_command_says_what_it_leaves_out(root, capsys):
    (root / "cat" / "a.gif").touch()
    prepare(root)
    assert "1 file is left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    "make, told",
    [(lambda path: path.symlink_to("gone.png"), "a link to nothing"), (os.mkfifo, "a named pipe")],
    ids=["broken link", "named pipe"],
)
def test_an_image_that_cannot_be_read_is_named_on_one_line(root, capsys, make, told):
    make(root / "cat" / "c.png")
    with pytest.raises(OdeltError, match=rf"cat/c.png is {told}"):
        images.FolderSource(root)
    assert prepare(root, status=2) is None
    assert f"cat/c.png is {told}" in capsys.readouterr().err


def test_a_pipe_that_takes_an_image_s_name_later_is_named_too(root):
    source = images.FolderSource(root)
    (root / "cat" / "a.png").unlink()
    os.mkfifo(root / "cat" / "a.png")
    with pytest.raises(OdeltError, match="a.png is a named pipe"):
        source[0]


def prepare(root, status=0, **more):
    """The record of the user's folder, after `odelt prepare-data` in the folder that holds it."""
    settings = {"name": "pets", "kind": "folder", "path": root.name, "image": [8, 8], "classes": 2, **more}
    with contextlib.chdir(root.parent):
        text = config.Dataset(**settings).model_dump_json()
        assert cli.main(["prepare-data", "--settings", text, "--out", "out/d.npz"]) == status
    if status == 0:
        (given,) = record.read(record.record_path(root.parent / "out" / "d.npz")).inputs
        assert given.external and given.path == root.name
        return given.sha256
    return None


def test_the_digest_is_of_the_files_that_are_read_and_of_no_others(root):
    first = prepare(root)
    assert first == digests.find(root).sha256 == digests.of_files(root, folders.names_read(root))
    (root / "cat" / "notes.txt").write_text("no image", encoding="utf-8")
    assert prepare(root) == first
    PIL.Image.new("RGB", (9, 9), "blue").save(root / "dog" / "c.png")
    assert prepare(root) != first


def test_images_behind_a_link_are_part_of_the_digest(root):
    shutil.move(root / "dog", root.parent / "dogs")
    (root / "dog").symlink_to(root.parent / "dogs")
    first = prepare(root)
    PIL.Image.new("RGB", (9, 9), "blue").save(root.parent / "dogs" / "c.png")
    assert prepare(root) != first


def test_a_name_that_is_no_text_is_a_name_like_any_other(root):
    os.rename(root / "cat" / "a.png", os.fsencode(root / "cat") + b"/\xff.png")
    assert prepare(root) and fingerprint(root)


def test_with_a_fraction_only_that_share_counts(root):
    first = prepare(root, fraction=0.5)
    PIL.Image.new("RGB", (9, 9), "blue").save(root / "cat" / "b.png")
    assert prepare(root, fraction=0.5) == first


def fingerprint(path, kind="folder") -> str:
    own_files.stamps.cache_clear()
    return own_files.stamps(KINDS[kind], str(path))


@pytest.mark.parametrize(
    "change",
    [
        lambda root: shutil.copy(root / "cat" / "a.png", root / "cat" / "z.png"),
        lambda root: (root / "cat" / "a.png").unlink(),
        lambda root: (root / "cat" / "a.png").rename(root / "dog" / "a.png"),
        lambda root: os.utime(root / "dog" / "c.png", (1, 1)),
    ],
    ids=["added", "removed", "moved", "written again"],
)
def test_a_change_of_the_images_changes_the_fingerprint(root, change):
    before = fingerprint(root)
    change(root)
    assert before and fingerprint(root) != before


def test_what_is_not_read_does_not_change_the_fingerprint(root):
    before = fingerprint(root)
    (root / "cat" / "notes.txt").touch()
    assert fingerprint(root) == before


def test_a_tar_has_a_fingerprint_and_what_is_missing_or_broken_stops_nothing(root):
    (root.parent / "a.tar").write_bytes(b"1")
    before = fingerprint(root.parent / "a.tar", "imagenet")
    (root.parent / "a.tar").write_bytes(b"12")
    assert before and fingerprint(root.parent / "a.tar", "imagenet") not in ("", before)
    assert fingerprint(root.parent / "none") == fingerprint(root.parent / "none", "imagenet") == ""
    (root / "cat" / "c.png").symlink_to("gone.png")
    assert fingerprint(root)


@pytest.fixture
def pets(root, monkeypatch):
    monkeypatch.chdir(root.parent)
    return config.Dataset(name="pets", kind="folder", path="pets", image=(8, 8), classes=2)


class Suite:
    """Of a suite, the part that is asked for."""

    def __init__(self, *datasets):
        self.datasets = {dataset.name: dataset for dataset in datasets}


def test_images_that_were_put_away_after_a_run_make_nothing_again(root, pets):
    own_files.remember(Suite(pets))
    before = own_files.fingerprint(pets)
    shutil.rmtree(root)
    own_files.stamps.cache_clear()
    assert own_files.fingerprint(pets) == before != ""


def test_a_dataset_without_own_files_has_no_fingerprint_and_leaves_nothing_behind(root, pets):
    digits = config.Dataset(**config.dataset.WHOLE["digits"])
    own_files.remember(Suite(digits))
    assert own_files.fingerprint(digits) == "" and not own_files.MEMORY.exists()


def test_a_damaged_memory_is_told(root, pets):
    shutil.rmtree(root)
    files.write_text(own_files.MEMORY, "[1]")
    with pytest.raises(OdeltError, match="own-files.json is damaged: delete it"):
        own_files.fingerprint(pets)

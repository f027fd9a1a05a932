"""Whatever cannot be read is named: no folder is passed over, whether it is closed or a link."""

import contextlib
import os
import pathlib
import shutil
import tempfile

import pytest

from odelt import cli, files
from odelt.errors import OdeltError
from odelt.provenance import digests

pytest_plugins = ("finished",)
NOBODY = 65534


@pytest.fixture
def folder(whole):
    """A copy of the results where every user can get to, to be changed."""
    with tempfile.TemporaryDirectory() as parent:
        os.chmod(parent, 0o755)
        copy = pathlib.Path(shutil.copytree(whole, pathlib.Path(parent, "copied")))
        for path in copy.rglob("*"):
            path.chmod(path.stat().st_mode | 0o444)
        yield copy
        for path in [copy, *copy.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)


@contextlib.contextmanager
def unprivileged():
    """Within the block the process has no rights of root."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def closed(folder, whole, audit, capsys):
    """Audits a file or a folder of the copy without rights; returns the exit status and the problems."""
    audit(whole)  # what this imports can be read by root alone, perhaps

    def run(path):
        with contextlib.chdir(folder.parent), unprivileged():
            status = cli.main(["audit", str(path)])
        said = capsys.readouterr().err
        assert "fault of the program" not in said
        return status, said.splitlines()

    return run


def test_a_closed_folder_that_belongs_to_nothing_is_named(folder, closed):
    (folder / "logs").mkdir(mode=0)  # outside of the chain
    assert closed(folder) == (0, [])
    (folder / "extra").mkdir(mode=0)
    assert closed(folder) == (1, ["odelt: copied/extra: cannot be read: Permission denied"])


def test_a_closed_folder_is_one_line_with_what_rests_on_it(folder, closed):
    (folder / "digits" / "scores").chmod(0)
    status, lines = closed(folder)
    assert status == 1 and len(lines) == 1
    assert lines[0].startswith("odelt: copied/digits/scores: cannot be read: Permission denied; and ")
    status, lines = closed(folder / "digits" / "tables" / "grid.csv")
    assert status == 1 and len(lines) == 1
    assert "it is in the folder 'digits/scores', to which you have no access" in lines[0]


def test_a_closed_folder_of_results_is_named(folder, closed):
    folder.chmod(0)
    assert closed(folder) == (1, ["odelt: copied: cannot be read: Permission denied"])
    status, lines = closed(folder / "claims.csv")
    assert status == 2 and len(lines) == 1 and "cannot be read: Permission denied" in lines[0]


def test_a_closed_folder_of_the_crate_is_named(folder, closed):
    (folder / "crate" / "outputs" / "digits").chmod(0)
    assert closed(folder) == (1, ["odelt: copied/crate: cannot be read (outputs/digits): Permission denied"])


@pytest.mark.parametrize("to, told", [("digits", "is a link to a folder"), ("/usr", "is a link that leads out")])
def test_a_linked_folder_is_named_and_not_followed(results, audit, to, told):
    (results / "linked").symlink_to(to)
    status, lines, _ = audit(results)
    assert status == 1 and len(lines) == 1 and f"copied/linked: {told}" in lines[0]


def test_a_closed_folder_gets_into_no_crate(folder, whole, closed, capsys):
    (folder / "extra").mkdir(mode=0)
    with contextlib.chdir(whole.parent.parent), unprivileged():
        status = cli.main(["crate", "--suite", "tiny", "--results", str(folder), "--out", str(folder / "crate")])
    said = capsys.readouterr().err
    assert status == 2 and "extra cannot be read: Permission denied" in said and len(said.splitlines()) == 1


def test_drafts_in_a_closed_folder_are_not_passed_over(folder):
    (folder / "extra").mkdir(mode=0)
    with unprivileged(), pytest.raises(OdeltError, match="cannot read '.*extra': Permission denied"):
        list(files.drafts(folder))


def test_below_a_folder_that_is_not_there_is_nothing(tmp_path):
    assert list(files.below(tmp_path / "absent")) == []


def test_a_folder_whose_part_is_closed_has_no_digest(folder):
    (folder / "extra").mkdir(mode=0)
    with unprivileged(), pytest.raises(PermissionError):
        digests.find(folder)


def test_a_link_to_a_folder_counts_with_what_it_leads_to(tmp_path):
    """A user's images may be linked: a change of one of them is a change of the folder."""
    (tmp_path / "data").mkdir()
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "1.png").write_text("a cat", encoding="utf-8")
    (tmp_path / "data" / "cats").symlink_to(tmp_path / "cats")
    before, stamp = digests.find(tmp_path / "data"), digests.stamp(tmp_path / "data")
    (tmp_path / "cats" / "1.png").write_text("another", encoding="utf-8")
    assert digests.find(tmp_path / "data") != before and digests.stamp(tmp_path / "data") != stamp


def test_a_link_to_the_folder_itself_has_an_end(tmp_path):
    (tmp_path / "again").symlink_to(tmp_path)
    with pytest.raises(OSError, match="a link to a folder that it is in"):
        digests.find(tmp_path)

"""The audit page's content: each published number with its files, whatever the folder holds."""

import contextlib
import json
import pathlib
import re
import shutil

import finished
import pytest
import yaml

from odelt import cli
from odelt.audit import page
from odelt.config import load_suite
from odelt.provenance import record

pytest_plugins = ("finished",)
SCORE = "digits/scores/odelt/ema/l1/euler-1_w1.json"
RELEASED = "digits/scores/released/ema/l1/euler-1_w1.json"
CURVE = "digits/models/odelt/training.csv"
BARE = {"digits/trade-off": {"digits/latency/programs.json"}}  # no model of this suite is timed on the full path
DOWNLOAD = "sources/released/g2_odelt_checkpoint.pkl"
HOSTILE = "</script><script>alert(1)</script><!--<img src=x onerror=alert(1)> & \u2028 \u202e \x1b[31m"


@pytest.fixture
def written(tmp_path, capsys):
    """Writes the page of a folder; returns its content, as a browser reads it."""

    def write(results, suite="tiny"):
        out = results / "audit.html"
        with contextlib.chdir(tmp_path):
            assert cli.main(["audit-page", "--suite", suite, "--results", str(results), "--out", str(out)]) == 0
        assert "Traceback" not in capsys.readouterr().err
        return content_of(out.read_text(encoding="utf-8"))

    return write


def content_of(text: str) -> dict:
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, flags=re.S)
    return json.loads(block)


def cells(content, table) -> list[list]:
    """The linked cells of a table."""
    (found,) = [one for one in content["tables"] if one["id"] == table]
    blocks = [block for block in found["blocks"] if block["kind"] == "table"]
    return [cell for block in blocks for row in block["rows"] for cell in row if isinstance(cell, list)]


def file(content, path) -> dict:
    (found,) = [one for one in content["files"] if one["path"] == path]
    return found


def paths(content, cell) -> list[str]:
    return [content["files"][place]["path"] for place in cell[1]]


def test_every_scored_number_leads_to_the_score_that_it_was_read_from(results, written):
    content = written(results)
    scores = json.loads((results / SCORE).read_text(encoding="utf-8"))
    for table in ("digits/main", "digits/grid", "digits/trade-off"):
        exact = f"{scores['frechet_distance']}"
        assert any(paths(content, cell) == [SCORE] and cell[2] == exact for cell in cells(content, table)), table
        known = {path for cell in cells(content, table) for path in paths(content, cell)}
        assert {SCORE, RELEASED, "digits/latency/programs.json"} <= known | BARE.get(table, set())
    assert not any(table["unlinked"] for table in content["tables"])


def test_a_chain_leads_down_to_the_download_with_its_licence_and_address(results, written):
    content = written(results)
    seen, waiting = set(), [file(content, RELEASED)]
    while waiting:
        one = waiting.pop()
        seen.add(one["path"])
        waiting += [content["files"][to] for to, _ in one["inputs"] if isinstance(to, int)]
    assert {DOWNLOAD, "digits/models/released/model.safetensors", "datasets/digits/dataset.npz"} <= seen
    download = file(content, DOWNLOAD)
    assert content["sources"][download["source"]] == {
        "what": "a checkpoint",
        "licence": "MIT",
        "address": "https://example.org/g2_odelt_checkpoint.pkl",
        "lock": "verified",
    }


def test_a_training_run_has_its_settings_seed_and_curve(results, written):
    content = written(results)
    run = file(content, "digits/models/odelt/model.safetensors")
    assert ["training.steps", "2"] in content["parameters"][run["parameters"]] and run["seed"] == "10"
    assert file(content, CURVE)["curve"]["steps"] == [1, 2]


def test_page_and_brief_come_from_the_audit_and_are_outside_of_the_chain(results, written, audit):
    before = audit(results)[2].splitlines()[-1]
    told = written(results)["audit"]
    brief = yaml.safe_load((results / "audit.yaml").read_text(encoding="utf-8"))["audit"]
    assert brief == {name: told[name] for name in ("digest", "verified", "removed", "made")} | {"problems": 0}
    assert f"{brief['verified']} verified, 0 not; digest {brief['digest']}" in before
    assert audit(results)[2].splitlines()[-1] == before
    for name in ("audit.yaml", "audit.html"):
        assert not record.record_path(results / name).exists()


def test_what_is_not_verified_is_told_with_all_that_rests_on_it(results, written):
    (results / "digits/models/released/model.safetensors").write_bytes(b"other")
    content = written(results)
    assert content["audit"]["broken"] and any("model.safetensors" in line for line in content["audit"]["problems"])
    assert file(content, "digits/models/released/model.safetensors")["state"] == "broken"
    assert not file(content, RELEASED)["sound"] and file(content, SCORE)["sound"]
    assert (
        yaml.safe_load((results / "audit.yaml").read_text(encoding="utf-8"))["audit"]["problems"]
        == content["audit"]["broken"]
    )


def test_a_table_that_shows_another_number_than_was_linked_is_shown_without_links(results, written):
    shown = cells(written(results), "digits/grid")[0][0]
    path = results / "digits/tables/grid.md"
    path.write_text(path.read_text(encoding="utf-8").replace(f"| {shown} |", "| 0.01 |"), encoding="utf-8")
    content = written(results)
    (table,) = [one for one in content["tables"] if one["id"] == "digits/grid"]
    assert table["unlinked"] == "digits/tables/grid.links.json does not fit it" and not cells(content, "digits/grid")


def test_the_table_of_an_older_version_is_shown_without_links(results, written):
    links = results / "digits/tables/grid.links.json"
    links.unlink()
    record.record_path(links).unlink()
    content = written(results)
    (table,) = [one for one in content["tables"] if one["id"] == "digits/grid"]
    assert "no file of links" in table["unlinked"] and not cells(content, "digits/grid") and table["blocks"]
    assert cells(content, "digits/main")


@pytest.fixture
def compared(whole, tmp_path):
    """A copy of the finished folder whose tables compare a number of it with a published one."""
    project = shutil.copytree(whole.parent.parent, tmp_path / "project")
    published = project / "config" / "reference.yaml"
    content = yaml.safe_load(published.read_text(encoding="utf-8"))
    row = {"experiment": "digits", "model": "odelt", "length": 1, "guidance": 1, "statistics": "", "steps": {1: 0.012}}
    content["fid"].append({"source": "sm_readme", "rows": [row]})
    published.write_text(yaml.safe_dump(content), encoding="utf-8")
    with contextlib.chdir(project):
        for command in finished.commands(load_suite("config/tiny.yaml"), pathlib.Path("results/tiny")):
            if command[0] in ("tables", "main-table", "figures", "verdicts", "claims", "snapshot", "crate"):
                assert cli.main([str(part) for part in command]) == 0
    return project / "results" / "tiny"


def test_what_is_published_stands_with_its_source_and_verdict(compared, written):
    content = written(compared)
    (place,) = {cell[3] for cell in cells(content, "digits/grid") if cell[3] is not None}
    number = content["published"][place]
    ours = json.loads((compared / SCORE).read_text(encoding="utf-8"))["frechet_distance"]
    assert number["published"] == "0.012" and number["published_source"] == "sm_readme"
    assert number["difference"] == f"{ours - 0.012}" and number["verdict"] == "differs (worse)"
    assert content["published_in"]["sm_readme"]["repository"] == "kvfrans/shortcut-models"
    assert not content["audit"]["broken"]


@pytest.mark.parametrize("table", ["grid", "main"])
def test_a_published_number_leads_to_its_source_and_not_to_our_score(compared, written, table):
    content = written(compared)
    found = [cell for cell in cells(content, f"digits/{table}") if cell[0] == "0.012"]
    assert [(paths(content, cell), cell[2]) for cell in found] == [(["reference.yaml"], "0.012")]
    assert {SCORE, RELEASED} <= {path for cell in cells(content, f"digits/{table}") for path in paths(content, cell)}


def test_the_table_of_verdicts_leads_to_the_score_and_to_what_is_published(compared, written):
    content = written(compared)
    score = json.loads((compared / SCORE).read_text(encoding="utf-8"))
    ours, error = score["frechet_distance"], score["standard_error"]["frechet_distance"]
    assert [(cell[0], paths(content, cell)) for cell in cells(content, "verdicts")] == [
        ("0.01", ["reference.yaml"]),
        (f"{ours:.2f} ± {error:.2f}", [SCORE]),
        (f"{ours - 0.012:+.2f}", [SCORE]),
    ]


def test_the_verdicts_sentence_is_shown_as_its_file_has_it(results, written):
    told = {"summary": "1 of 2 reproduced.", "rule": "within 5%", "against": "an earlier run"}
    (results / "verdicts.json").write_text(json.dumps({"verdicts": told}), encoding="utf-8")
    assert written(results)["verdicts"] == told | {"unverified": "verdicts.json is not what was recorded"}


def test_the_verdicts_are_stated_plainly_only_where_their_file_is_verified(results, written):
    verdicts, record_of = results / "verdicts.json", results / "verdicts.json.prov.json"
    whole, kept = verdicts.read_text(encoding="utf-8"), record_of.read_text(encoding="utf-8")
    assert written(results)["verdicts"]["unverified"] == ""
    verdicts.write_text(json.dumps({"verdicts": {"summary": "All reproduced.", "rule": "any"}}), encoding="utf-8")
    forged = written(results)["verdicts"]
    assert (forged["summary"], forged["unverified"]) == ("All reproduced.", "verdicts.json is not what was recorded")
    verdicts.unlink()
    missing = written(results)["verdicts"]
    assert list(missing) == ["unverified"] and missing["unverified"].startswith("verdicts.json is missing")
    verdicts.write_text(whole, encoding="utf-8")
    record_of.write_text(kept[:-20], encoding="utf-8")
    assert written(results)["verdicts"]["unverified"].startswith("verdicts.json ")


def test_verdicts_on_a_score_that_was_changed_are_not_verified(results, written):
    (results / SCORE).write_text("{}", encoding="utf-8")
    told = written(results)["verdicts"]["unverified"]
    assert told.startswith(("verdicts.json ", "something that verdicts.json was made from"))


def test_hostile_text_stays_text(results, edit, written):
    edit(SCORE, lambda content: content["parameters"].update({HOSTILE: HOSTILE}))
    (results / "digits/tables/main.md").write_text(
        f"# Main\n\n{HOSTILE}\n\n| a |\n| --- |\n| {HOSTILE} |\n", encoding="utf-8"
    )
    content = written(results)
    text = (results / "audit.html").read_text(encoding="utf-8")
    assert text.count("<script") == 2 and "alert" not in re.sub(
        r'(?s)<script type="application/json".*?</script>', "", text
    )
    assert "onerror=alert(1)" in json.dumps(content) and "\x1b" not in text and "\u202e" not in text
    assert page.embedded(HOSTILE).isascii() and json.loads(page.embedded(HOSTILE)) == HOSTILE


LINKS = '{"published": [[]], "links": [{"table": "0", "line": -1, "column": {}, "text": 0, "files": 0}]}'
DAMAGE = {
    "no tables": lambda results: [path.unlink() for path in results.glob("digits/tables/*.md")],
    "no records": lambda results: [path.unlink() for path in results.rglob("*.prov.json") if "scores" in path.parts],
    "no copies": lambda results: [path.unlink() for path in results.glob("*.yaml*")],
    "garbage": lambda results: [path.write_bytes(bytes(range(256))) for path in results.rglob("*.csv")],
    "strange markdown": lambda results: [
        path.write_text("> - | a |\n" * 500, encoding="utf-8") for path in results.rglob("*.md")
    ],
    "strange links": lambda results: [
        path.write_text(text, encoding="utf-8")
        for path, text in zip(results.rglob("*.links.json"), ("[" * 5000, "3", LINKS, ""), strict=False)
    ],
    "strange numbers": lambda results: (results / CURVE).write_text("step,loss\n1,nan\n2,inf\n", encoding="utf-8"),
    "strange verdicts": lambda results: (results / "verdicts.json").write_text("[" * 5000, encoding="utf-8"),
    "a link out": lambda results: (results / "claims.md").unlink() or (results / "claims.md").symlink_to("/etc/passwd"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_folder_still_gives_a_page(results, written, name):
    DAMAGE[name](results)
    content = written(results)
    assert content["audit"]["problems"] and content["files"]
    assert "root:" not in (results / "audit.html").read_text(encoding="utf-8")


def test_an_empty_folder_and_another_suite_are_told_on_one_line(results, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for suite, folder, told in (
        ("tiny", tmp_path / "empty", "nothing that could be audited"),
        ("x", results, "'tiny'"),
    ):
        out = tmp_path / "out" / "audit.html"
        assert cli.main(["audit-page", "--suite", suite, "--results", str(folder), "--out", str(out)]) == 2
        said = capsys.readouterr().err
        assert told in said and len(said.splitlines()) == 1 and not out.exists()

"""What an audit prints: each cause once, the rest on demand, and nothing that could trick a terminal."""

import json
import shutil

from odelt.provenance import record

pytest_plugins = ("finished",)
SCORE = "digits/scores/odelt/ema/l1/euler-1_w1.json"
GRID = "digits/tables/grid.csv"
CLAIMS = "claims.csv"


def test_of_a_whole_folder_a_few_lines_are_printed(whole, audit):
    assert len(audit(whole)[2].splitlines()) == 1
    first, last = audit(whole / GRID)[2].splitlines()
    assert first.split("/tiny/")[1].startswith(f"{GRID}: verified (tables, seed 10, ") and "verified, 0 not" in last
    assert len(audit("--tree", whole)[2].splitlines()) > 100


def test_what_no_digest_covers_is_in_the_last_line(whole, audit):
    last = audit(whole)[2].splitlines()[-1]
    assert "pages are not covered" in last and "the crate's copies of the workflow" in last


def test_a_changed_score_is_one_line_with_the_count_of_files_made_from_it(results, audit):
    (results / SCORE).write_text("{}", encoding="utf-8")
    status, lines, said = audit(results)
    assert status == 1 and len(lines) == 1 and len(said.splitlines()) == 1
    assert lines[0].startswith(f"odelt: copied/{SCORE}: is not what was recorded")
    (folder,) = json.loads(audit("--json", results)[2])["folders"]
    followers = [
        name for name, file in folder["files"].items() if any(f"another {SCORE}" in p for p in file["problems"])
    ]
    assert len(followers) > 10 and lines[0].endswith(
        f"; and {len(followers)} files made from it (claims.csv, claims.links.json and more)"
    )
    every = audit("--tree", results)[1]
    assert len(every) == len(followers) + 1 == len(folder["problems"]) and folder["causes"] == [
        lines[0].removeprefix("odelt: ")
    ]


def test_files_made_from_an_earlier_version_are_one_line(results, audit, edit):
    """The score was made again, and fits its record: what was made from the earlier one is what is wrong."""
    (results / SCORE).write_text("{}", encoding="utf-8")

    def made_again(content):
        content["output"] |= {"sha256": record.hashlib.sha256(b"{}").hexdigest(), "bytes": 2}

    edit(SCORE, made_again)
    lines = audit(results)[1]
    assert len(lines) == 1 and f"{CLAIMS}: was made from another {SCORE}" in lines[0] and "the same of " in lines[0]


def test_two_causes_are_two_lines(results, audit):
    (results / SCORE).write_text("{}", encoding="utf-8")
    (results / "digits/models/released/config.json").unlink()
    lines = audit(results)[1]
    assert len(lines) == 2 and "is missing" in lines[0] + lines[1]


def test_the_tree_of_a_table_has_each_number_and_the_command_that_makes_it_again(whole, audit):
    lines = audit("--tree", whole / GRID)[2].splitlines()
    place = next(k for k, line in enumerate(lines) if line.strip().startswith(f"{SCORE}: verified, "))
    number = json.loads((whole / SCORE).read_text(encoding="utf-8"))["frechet_distance"]
    assert f"frechet_distance {number} (score" in lines[place]
    command = f"snakemake --cores all --config suite=tiny --force results/tiny/{SCORE}"
    assert lines[place + 1].strip() == f"make it again: {command}"
    assert sum("make it again" in line for line in lines) == 4  # three scores and the floor, each once


def test_a_score_that_is_not_verified_has_no_number(results, audit):
    (results / SCORE).write_text('{"frechet_distance": 0.0001}', encoding="utf-8")
    assert "0.0001" not in audit("--tree", results / GRID)[2]


def test_names_from_records_are_shown_with_escapes(results, audit, edit):
    hostile = "a\x1b[31m\n\u202eb"
    shutil.copy(results / SCORE, results / "digits" / "scores" / hostile.replace("\n", " "))
    edit(
        CLAIMS, lambda content: content["inputs"].append({"path": f"/{hostile}", "sha256": "0" * 64, "external": False})
    )
    edit(GRID, lambda content: content["parameters"].update(experiment=hostile))
    status, lines, said = audit("--tree", results)
    told = "\n".join(lines)
    assert status == 1 and "a\\x1b[31m \\u202eb: has no record" in told
    assert "'/a\\x1b[31m\\n\\u202eb'" in told and "experiment is a\\x1b[31m\\n\\u202eb, and digits" in told
    assert (told + said).replace("\n", "").isprintable()


def test_a_file_of_the_crate_stands_for_the_crate(whole, results, audit):
    assert audit(whole / "crate" / "outputs" / CLAIMS)[0] == 0
    (results / "crate" / "outputs" / CLAIMS).write_text("better", encoding="utf-8")
    status, lines, _ = audit(results / "crate" / "outputs" / CLAIMS)
    assert status == 1 and "/crate: is not what was recorded (outputs/claims.csv)" in lines[0]

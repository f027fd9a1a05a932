"""The crate tells of every job with what it read and wrote, and other programs can read it."""

import contextlib
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys

import pytest

from odelt import cli
from odelt.audit import crate
from odelt.provenance import record

pytest_plugins = ("finished",)
ROOT = pathlib.Path(__file__).parents[2]
SCORE = "digits/scores/odelt/ema/l1/euler-1_w1.json"
GRID = "digits/tables/grid.csv"
WEIGHTS = "digits/models/odelt/model.safetensors"
DOWNLOAD = "sources/released/g2_odelt_checkpoint.pkl"


@pytest.fixture(scope="module")
def graph(whole):
    """The entities of the crate's metadata, by their @id."""
    content = json.loads((whole / "crate" / "ro-crate-metadata.json").read_text(encoding="utf-8"))
    entities = {entity["@id"]: entity for entity in content["@graph"]}
    assert len(entities) == len(content["@graph"])
    return entities


@pytest.fixture(scope="module")
def records(whole):
    of_crate = record.record_path(whole / "crate")
    return [record.read(path) for path in whole.rglob(f"*{record.SUFFIX}") if path != of_crate]


def listed(value) -> list:
    return value if isinstance(value, list) else [value]


def refs(entity: dict, name: str) -> list[str]:
    return [one["@id"] for one in listed(entity.get(name, []))]


def of_type(graph, kind: str) -> list[dict]:
    return [entity for entity in graph.values() if kind in listed(entity["@type"])]


def jobs(graph) -> list[dict]:
    return [action for action in of_type(graph, "CreateAction") if action["@id"] != "#run"]


def named(graph, path: str) -> str:
    (found,) = [id for id, entity in graph.items() if entity.get("name") == path and "sha256" in entity]
    return found


def test_every_job_is_an_action_once_with_its_inputs_outputs_and_times(graph, records):
    assert len(jobs(graph)) == len({one.job for one in records})
    results = [id for action in jobs(graph) for id in refs(action, "result")]
    assert sorted(graph[id]["name"] for id in results) == sorted(one.output.path for one in records)
    for one in records:
        output = named(graph, one.output.path)
        assert graph[output]["sha256"] == one.output.sha256
        assert graph[output]["contentSize"] == str(one.output.bytes)
        (action,) = [action for action in jobs(graph) if output in refs(action, "result")]
        assert (action["startTime"], action["endTime"]) == (one.started, one.ended)
        given = {(graph[id]["name"], graph[id].get("sha256")) for id in refs(action, "object")}
        assert {(input.path, input.sha256) for input in one.inputs} <= given
        tool = graph[action["instrument"]["@id"]]
        assert tool["name"] == f"odelt {one.verb}"
        assert {f"{name} {version}" for name, version in one.environment.packages.items()} <= set(
            listed(tool["softwareRequirements"])
        )


def test_a_parameter_has_its_value_and_stands_for_what_the_verb_asks(graph):
    (action,) = [action for action in jobs(graph) if named(graph, WEIGHTS) in refs(action, "result")]
    values = {graph[id]["name"]: graph[id] for id in refs(action, "object") if graph[id]["@type"] == "PropertyValue"}
    assert values["inner_ode"]["value"] is True and values["seed"]["value"] == 10
    assert json.loads(values["training"]["value"])["learning_rate"] == 1e-3
    formal = graph[values["seed"]["exampleOfWork"]["@id"]]
    assert (formal["name"], formal["additionalType"]) == ("seed", "Integer")
    assert formal["@id"] in refs(graph[action["instrument"]["@id"]], "input")


def test_a_step_of_the_workflow_and_a_control_belong_to_each_job(graph):
    controls = of_type(graph, "ControlAction")
    assert sorted(control["object"]["@id"] for control in controls) == sorted(action["@id"] for action in jobs(graph))
    for control in controls:
        step = graph[control["instrument"]["@id"]]
        assert step["@id"] in refs(graph["Snakefile"], "step")
        assert graph[control["object"]["@id"]]["instrument"]["@id"] in refs(step, "workExample")
    (engine,) = of_type(graph, "OrganizeAction")
    assert set(refs(engine, "object")) == {control["@id"] for control in controls}
    assert refs(engine, "result") == ["#run"] and graph["#run"]["instrument"] == {"@id": "Snakefile"}


def test_a_table_leads_to_the_download_through_the_graph_alone(graph):
    main = named(graph, "digits/tables/grid.csv")
    released = named(graph, "digits/models/released/model.safetensors")
    made_by = {id: action for action in jobs(graph) for id in refs(action, "result")}

    def sources(start: str) -> set[str]:
        found, waiting = set(), [start]
        while waiting:
            id = waiting.pop()
            if id not in found:
                found.add(id)
                waiting += refs(made_by.get(id, {}), "object")
        return found

    assert {named(graph, path) for path in (SCORE, WEIGHTS, "datasets/digits/dataset.npz")} <= sources(main)
    (address,) = [graph[id] for id in sources(released) if graph[id].get("url", "").startswith("https://example.org")]
    assert named(graph, DOWNLOAD) in sources(released) and address["license"] == "MIT"


def test_the_root_has_the_suites_digest_and_is_about_the_tables(whole, graph, audit):
    digest = audit(whole)[2].split()[-1]
    root = graph["./"]
    assert root["identifier"] == digest and root["mainEntity"] == {"@id": "Snakefile"}
    tables = {graph[id]["name"] for id in refs(root, "about")}
    assert {"claims.csv", GRID, "digits/tables/main.md"} <= tables and refs(root, "hasPart")[0] in refs(root, "about")
    assert set(refs(root, "about")) <= set(refs(graph["#run"], "result"))


def test_what_people_read_is_copied_and_what_is_large_is_described(whole, graph):
    assert (whole / "crate" / "outputs" / GRID).read_bytes() == (whole / GRID).read_bytes()
    for path in (WEIGHTS, DOWNLOAD, "datasets/digits/dataset.npz"):
        assert graph[named(graph, path)]["@id"] == f"#output/{path}"
        assert not (whole / "crate" / "outputs" / path).exists()
    in_crate = {path.relative_to(whole / "crate").as_posix() for path in (whole / "crate").rglob("*") if path.is_file()}
    assert in_crate == {*refs(graph["./"], "hasPart"), "ro-crate-metadata.json"}


def test_a_file_above_the_limit_is_described(results, monkeypatch, make_again):
    monkeypatch.setattr(crate, "LARGEST", (results / GRID).stat().st_size - 1)
    assert make_again() == 0
    assert not (results / "crate" / "outputs" / GRID).exists()
    assert f"#output/{GRID}" in (results / "crate" / "ro-crate-metadata.json").read_text(encoding="utf-8")


@pytest.fixture
def make_again(whole, results, monkeypatch):
    """Makes the crate of the copied results, in the project's folder."""

    def run(suite="tiny") -> int:
        with contextlib.chdir(whole.parent.parent):
            return cli.main(["crate", "--suite", suite, "--results", str(results), "--out", str(results / "crate")])

    return run


def test_the_same_records_give_the_same_crate(whole, results, make_again):
    shutil.rmtree(results / "crate")
    assert make_again() == 0
    for path in (whole / "crate").rglob("*"):
        copy = results / "crate" / path.relative_to(whole / "crate")
        assert path.is_dir() or path.read_bytes() == copy.read_bytes(), path


def test_nothing_large_is_read_again(results, make_again):
    """What is only described may be gone."""
    (results / WEIGHTS).unlink()
    assert make_again() == 0


def test_of_an_earlier_crate_nothing_stays(results, make_again):
    (results / "crate" / "outputs" / "old.csv").touch()
    assert make_again() == 0
    assert not (results / "crate" / "outputs" / "old.csv").exists()


def test_a_table_that_is_not_what_its_record_says_gets_into_no_crate(results, make_again, capsys):
    before = (results / "crate" / "ro-crate-metadata.json").read_bytes()
    (results / GRID).write_text("better\n", encoding="utf-8")
    assert make_again() == 2
    assert capsys.readouterr().err == f"odelt: {results / GRID} is not what its record says; `odelt audit` tells more\n"
    assert (results / "crate" / "ro-crate-metadata.json").read_bytes() == before


@pytest.mark.parametrize(
    "change, told",
    [
        (lambda content: content.update(ended="2020"), "its record was edited or moved"),
        (lambda content: content.update(inputs=3), "its record cannot be read"),
    ],
)
def test_a_record_that_cannot_be_trusted_gets_into_no_crate(results, make_again, capsys, change, told):
    path = record.record_path(results / SCORE)
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    assert make_again() == 2
    assert told in capsys.readouterr().err


def test_a_crate_of_another_suite_is_refused(make_again, capsys):
    assert make_again(suite="mini") == 2
    assert "its record is of another suite, 'tiny'" in capsys.readouterr().err


def test_a_folder_without_records_is_refused(whole, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(whole.parent.parent)
    command = ["crate", "--suite", "tiny", "--results", str(tmp_path), "--out", str(tmp_path / "crate")]
    assert cli.main(command) == 2 and not (tmp_path / "crate").exists()
    assert "holds no record" in capsys.readouterr().err


def test_elsewhere_than_in_the_project_it_is_told_where_to_start(results, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["crate", "--suite", "tiny", "--results", str(results), "--out", str(results / "crate")]) == 2
    assert capsys.readouterr().err == "odelt: Snakefile is missing: start in the project's folder\n"


def test_the_licence_is_the_projects(graph):
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert graph["./"]["license"]["@id"].endswith("/MIT") and 'license = "MIT"' in declared


def validator() -> pathlib.Path | None:
    """It lies beside the project's folder."""
    places = (folder.parent / "shared" / "crate" / "validate" for folder in (ROOT, *ROOT.parents))
    return next((path for path in places if path.is_file()), None)


@pytest.mark.skipif(validator() is None, reason="no ../shared/crate/validate: it has the contexts to validate offline")
def test_the_crate_is_valid(whole):
    command = [sys.executable, validator(), whole / "crate"]
    told = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120)
    assert told.stdout.splitlines()[-1:] == ["0 failed checks against provenance-run-crate-0.5"], told.stdout
    assert told.returncode == 0


def runcrate() -> str | None:
    built = ROOT / ".venv-crate" / "bin" / "runcrate"
    return str(built) if built.is_file() else shutil.which("runcrate")


@pytest.mark.skipif(runcrate() is None, reason="no runcrate: `make env-crate` installs it")
def test_runcrate_reports_every_action(whole, graph):
    told = subprocess.run([runcrate(), "report", whole / "crate"], capture_output=True, encoding="utf-8", timeout=120)
    assert told.returncode == 0, told.stderr
    reported = [line.removeprefix("action: ") for line in told.stdout.splitlines() if line.startswith("action: ")]
    assert sorted(reported) == sorted(action["@id"] for action in of_type(graph, "CreateAction"))


def test_the_crates_record_is_no_part_of_the_suites_digest(whole, results, audit, edit):
    digest = audit(whole)[2].split()[-1]
    edit("crate", lambda content: content["environment"].update(python="3.12.0"))
    assert audit("--expect", digest, results)[0] == 0
    known = record.read(record.record_path(whole / "crate"))
    assert {input.path for input in known.inputs if input.external} >= {"Snakefile", "workflow/rules/common.smk"}
    assert "odelt.audit.crate" in known.code.modules
    weights = hashlib.sha256((whole / WEIGHTS).read_bytes()).hexdigest()
    assert (WEIGHTS, weights) in {(input.path, input.sha256) for input in known.inputs}

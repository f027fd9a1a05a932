"""What a forger rewrites together with its record is told: a crate by the records, a removal by the suite."""

import json
import shutil

import pytest

from odelt.audit.crate import check
from odelt.provenance import digests, record

pytest_plugins = ("finished",)
SAMPLES = "digits/samples/odelt/ema/l1/euler-1_w1.npz"
METADATA = "ro-crate-metadata.json"


@pytest.fixture
def forge(results, edit, audit):
    """Changes the crate, writes a record that fits, and returns what the audit says of it."""

    def run(change) -> list[str]:
        digest = audit(results)[2].split()[-1]
        change(results / "crate")
        found = digests.find(results / "crate")
        edit("crate", lambda content: content["output"].update(vars(found)))
        status, lines, said = audit("--expect", digest, results)
        assert status == (1 if lines else 0) and said.split()[-1] == digest
        return lines

    return run


def replaced(name: str, old: str, new: str):
    def change(crate):
        text = (crate / name).read_text(encoding="utf-8")
        assert old in text
        (crate / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def sealed_anew(crate):
    """Another record in the crate, with a seal that fits."""
    content = json.loads((crate / "records.json").read_text(encoding="utf-8"))
    content["claims.csv"]["seed"] = 11
    content["claims.csv"] = record.Record.model_validate(content["claims.csv"]).sealed().model_dump(mode="json")
    (crate / "records.json").write_text(json.dumps(content), encoding="utf-8")


FORGED = {
    "a table": (
        lambda crate: (crate / "outputs/digits/tables/grid.csv").write_text("0", encoding="utf-8"),
        "holds outputs/digits/tables/",
    ),
    "a time": (replaced(METADATA, '"endTime": "20', '"endTime": "19'), ".endTime is 19"),
    "a meaning": (replaced(METADATA, "http://schema.org/about", "http://schema.org/not"), "@context"),
    "an entity": (replaced(METADATA, '"@graph": [', '"@graph": [{"@id": "#more"},'), "#more is {'@id': '#more'}"),
    "a record": (replaced("records.json", '"seed": 10', '"seed": 11'), "its records.json was edited"),
    "a sealed record": (sealed_anew, "records.json.claims.csv.seed is 11, and None by the records"),
    "no records": (
        lambda crate: (crate / "records.json").write_text("[]", encoding="utf-8"),
        "holds no records by name",
    ),
    "the words": (replaced("README.md", "suite", "sweet"), "README.md does not say what the records say"),
    "the workflow": (replaced("Snakefile", "rule all", "rule none"), "Snakefile"),
    "one file more": (
        lambda crate: (crate / "outputs/more.csv").write_text("0", encoding="utf-8"),
        "holds outputs/more.csv",
    ),
    "one file less": (lambda crate: (crate / "outputs/claims.csv").unlink(), "lacks outputs/claims.csv"),
    "no JSON": (lambda crate: (crate / METADATA).write_text("[" * 5000, encoding="utf-8"), "nested too deeply"),
    "no list": (
        lambda crate: (crate / METADATA).write_text('{"@graph": 3}', encoding="utf-8"),
        "holds no list of entities",
    ),
    "no metadata": (lambda crate: (crate / METADATA).unlink(), METADATA),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_crate_that_was_rewritten_with_its_record_is_told(forge, name):
    change, told = FORGED[name]
    lines = forge(change)
    assert len(lines) == 1 and lines[0].startswith("odelt: copied/crate: ") and told in lines[0]


def test_a_crate_whose_record_names_another_verb_is_compared_all_the_same(forge, edit):
    edit("crate", lambda content: content.update(verb="figure-out"))
    assert len(forge(FORGED["a time"][0])) == 1


def test_a_crate_that_says_nothing_of_an_output_is_told(results, audit, edit):
    shutil.copy(results / "claims.csv", results / "more.csv")
    content = json.loads(record.record_path(results / "claims.csv").read_text(encoding="utf-8"))
    content["output"]["path"] = "more.csv"
    (results / "more.csv.prov.json").write_text(json.dumps(content), encoding="utf-8")
    edit("more.csv", lambda known: None)
    status, lines, _ = audit(results)
    assert status == 1 and any("/crate: records.json.more.csv is None, and " in line for line in lines)


def test_the_version_of_snakemake_is_as_the_crate_says(forge):
    """No record tells it, and a reader may have another one."""
    assert forge(lambda crate: None) == []


def test_another_version_of_the_library_is_named(forge, monkeypatch):
    monkeypatch.setattr(check.importlib.metadata, "version", lambda name: "99")
    assert "here is 99)" in forge(FORGED["a time"][0])[0]


def mark_removed(results, edit, name):
    (results / name).unlink()
    edit(name, lambda content: content.update(removed="2026-01-01T00:00:00+00:00"))


@pytest.mark.parametrize(
    "name",
    [
        *("digits/scores/odelt/ema/l1/euler-1_w1.json", "digits/tables/grid.csv", "digits/figures/scaling.svg"),
        *("digits/models/odelt/model.safetensors", "claims.csv", "sources/released/g2_odelt_checkpoint.pkl"),
        *("suite.yaml", "datasets/digits/dataset.npz"),
    ],
)
def test_what_clean_does_not_remove_cannot_be_marked_as_removed(results, audit, edit, name):
    mark_removed(results, edit, name)
    status, lines, _ = audit(results)
    (line,) = [line for line in lines if f"copied/{name}: " in line]
    assert status == 1 and "is missing; it had sha256" in line and "`odelt clean` removes no such file" in line


@pytest.mark.parametrize("name", [SAMPLES, "digits/features/real.npz", "digits/features/network.safetensors"])
def test_what_clean_removes_may_be_marked_as_removed(results, audit, edit, name):
    mark_removed(results, edit, name)
    status, lines, said = audit(results)
    assert (status, lines) == (0, []) and "1 removed as temporary" in said

"""Every key is described where it is declared; the schema and the tables of config/README.md say what is declared."""

import pathlib
import shutil

import pytest
import yaml

from odelt import OdeltError, cli
from odelt.config import documentation

ROOT = pathlib.Path(__file__).parents[2]


def sections():
    """Every section of a suite, of the registry and of a latency study, by its name: its schema."""
    schemas = [section.model_json_schema() for section in documentation.TITLES]
    every = {schema["title"]: schema for schema in schemas}
    return every | {name: section for schema in schemas for name, section in schema.get("$defs", {}).items()}


@pytest.mark.parametrize("name", sections())
def test_every_key_and_every_block_is_described(name):
    section = sections()[name]
    undescribed = [
        key for key, value in section["properties"].items() if not value.get("description", "").endswith(".")
    ]
    assert undescribed == [] and section["description"].endswith(".")


def test_the_schema_and_the_tables_are_current():
    for path, text in documentation.texts(ROOT).items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: type odelt schema --write"


def test_a_table_says_what_a_key_admits_its_default_and_its_meaning():
    lines = documentation.tables().splitlines()
    start = lines.index("### `experiments.<name>.evaluation.grid`")
    (row,) = [line for line in lines[start : start + 12] if line.startswith("| `d` |")]
    assert row.startswith("| `d` | integer, ≥ 0, ≤ 7 | 7 | Condition on the step size")
    assert any(line.startswith("| `label` | text | required | ") for line in lines)
    assert any(line.startswith("| `dataset` | block or `digits` | required | ") for line in lines)
    assert any(line.startswith("| `weights` | `ema`, `raw` | `ema` | ") for line in lines)


def test_one_command_brings_a_checkout_up_to_date_and_keeps_what_is_around_the_tables(tmp_path, monkeypatch):
    for path in (documentation.SCHEMA, documentation.README):
        (tmp_path / path).parent.mkdir(parents=True)
    shutil.copy(ROOT / documentation.README, tmp_path / documentation.README)
    readme = tmp_path / documentation.README
    before = readme.read_text(encoding="utf-8")
    readme.write_text(before.replace("| `label` |", "| `lable` |") + "after\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["schema", "--write"]) == 0
    assert readme.read_text(encoding="utf-8") == before + "after\n"
    assert yaml.safe_load((tmp_path / documentation.SCHEMA).read_text(encoding="utf-8"))["title"] == "Suite"


def test_outside_of_the_project_s_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OdeltError, match="has no tables of keys; start in the project's folder"):
        documentation.write()
    assert list(tmp_path.iterdir()) == []


def test_an_editor_does_not_ask_for_a_seed_in_each_experiment():
    schema = yaml.safe_load(documentation.schema())
    assert "seed" in schema["required"] and "seed" not in schema["$defs"]["Experiment"]["required"]

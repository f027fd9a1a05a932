"""Descriptions of verbs: one for each verb of the command line, and the rules, audit and help agree with them."""

import pathlib
import re
import shlex

import pytest
from workflow_rules import rules

from odelt import cli
from odelt.config import load_suite
from odelt.layout import grid
from odelt.layout.paths import SuitePaths
from odelt.layout.targets import Target, UnknownTarget
from odelt.verbs import VERBS, verb_of_rule
from odelt.verbs.verb import Verb

ROOT = pathlib.Path(__file__).parents[2]
PAPER, MINI = (load_suite(ROOT / "config" / f"{name}.yaml") for name in ("paper", "mini"))
NO_VERB = ("publish", "only", "released", "so_far", "latency", "report", "benchmarks_report")


def choices():
    (action,) = (action for action in cli.parser()._actions if action.choices)
    return action.choices


def test_every_verb_of_the_command_line_is_described_and_every_description_is_of_one():
    assert choices().keys() == VERBS.keys()


def test_a_description_is_the_command_lines_help():
    for name, verb in VERBS.items():
        assert choices()[name].description == verb.help


def test_a_verb_has_a_title_for_the_audit_page_if_it_makes_something():
    assert {name for name, verb in VERBS.items() if verb.title} == {
        n for n, p in choices().items() if "--out" in p.flags
    }


def test_a_rule_calls_the_verb_that_is_described_for_it():
    for name, body in rules().items():
        called = re.findall(r"python -m odelt (?:--log \{log[.\w]*\} )?([a-z-]+)", body)
        verb = verb_of_rule(f"{name}_group" if name in ("sample", "statistics") else name)
        assert called == ([verb.name] if verb else []) or name in NO_VERB, name


def test_a_rule_runs_in_the_environment_of_its_verb_and_takes_its_options_from_it():
    for name, body in rules().items():
        if name not in NO_VERB:
            verb = re.search(r"python -m odelt (?:--log \{log[.\w]*\} )?([a-z-]+)", body)[1]
            assert f'environment_of("{verb}")' in body
            has_parameters = VERBS[verb].parameters is not Verb.parameters
            assert (f'"{verb}"' in body.replace(f'environment_of("{verb}")', "")) >= has_parameters, name


@pytest.mark.parametrize("name", ["celebahq-b", "imagenet-b", "imagenet-xl"])
def test_a_groups_options_have_a_setting_for_each_output_in_order(name):
    experiment, paths = PAPER.experiments[name], SuitePaths(pathlib.Path("results/paper"))
    for points in grid.point_jobs(experiment).values():
        below = [f"{name}/samples/{point}.npz" for point in points]
        words = shlex.split(VERBS["sample-grid"].options([Target(PAPER, "paper", path) for path in below], paths))
        assert [words[k + 1] for k, word in enumerate(words) if word == "--out"] == [
            f"results/paper/{p}" for p in below
        ]
        settings = [words[k + 1] for k, word in enumerate(words) if word == "--setting"]
        assert [setting.split(",")[0] for setting in settings] == [str(point.solver) for point in points]
        lengths = [words[k + 1] for k, word in enumerate(words) if word == "--length"]
        assert lengths == ["full" if point.group.length is None else str(point.group.length) for point in points]


def test_of_several_settings_the_output_that_is_asked_about_is_compared_with_its_own():
    target = Target(MINI, "mini", "digits/samples/sm/ema/full/euler-4_w1.npz")
    outs = ["digits/samples/sm/ema/full/euler-1_w1.npz", target.path]
    given = {"out": outs, "setting": [["euler:1", 1.0, None], "mine"]}
    expected, own = VERBS["sample-grid"].expected(target, given, None)
    assert own["setting"] == ["mine"] and expected["setting"] == [["euler:4", 1.0, None]]


def test_a_text_with_quotes_and_blanks_is_one_word():
    verb = Verb("v", help="", parameters=lambda target: {"note": "it's $HOME; {x}", "flag": True, "off": False})
    paths, target = SuitePaths(pathlib.Path("results/mini")), Target(MINI, "mini", "file.md")
    assert shlex.split(verb.options([target], paths))[:3] == ["--note", "it's $HOME; {x}", "--flag"]


def test_a_verb_that_writes_a_folder_gets_the_folder_and_another_gets_its_output():
    paths, target = SuitePaths(pathlib.Path("results/mini")), Target(MINI, "mini", "folder/file.md")
    for outputs, out in (((), "results/mini/folder/file.md"), (("file.md",), "results/mini/folder")):
        verb = Verb("v", help="", outputs=outputs)
        assert shlex.split(verb.options([target], paths)) == ["--out", out]
        assert shlex.split(verb.options([target], paths, pathlib.Path("else"))) == ["--out", "else"]


@pytest.mark.parametrize("path", ["digits", "nothing/models/sm/config.json", "digits/models/other/config.json"])
def test_what_the_suite_does_not_ask_for_has_no_parameters(path):
    with pytest.raises(UnknownTarget):
        VERBS["train"].expected(Target(MINI, "mini", path), {}, None)

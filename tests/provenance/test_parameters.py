"""A rule of the workflow and the audit agree on every parameter, also of a suite that overrides all that it can."""

import contextlib
import pathlib
import shlex
import shutil
import subprocess
import sys

import pytest
import yaml

from odelt import cli
from odelt.config import Section, Suite, load_suite
from odelt.layout.targets import Target
from odelt.provenance import parameters, recording
from odelt.provenance.record import Code, Environment, Output, Record, concerns
from odelt.verbs import VERBS
from odelt.verbs.verb import no_parameters

ROOT = pathlib.Path(__file__).parents[2]
TRAINING = {
    **{"objective": "naive", "steps": 40, "learning_rate": 0.002, "warmup_steps": 4, "batch_size": 32, "log_every": 7},
    **{
        "weight_decay": 0.2,
        "ema_rate": 0.99,
        "dropout": 0.1,
        "class_dropout": 0.2,
        "guidance": 1.5,
        "dtype": "bfloat16",
    },
    **{"bootstrap": "sm", "images": "shared", "length_draw": "independent", "length_share": 0.25},
    **{
        "sharding": "data",
        "decay_share": 0.2,
        "gpus": 2,
        "time": "continuous",
        "icfm_noise": "released",
        "checkpoint_every": 9,
        "dtype": "bfloat16",
    },
}
EVALUATION = {
    **{"samples": 33, "batch_size": 11, "seed": 5, "dtype": "bfloat16", "sharding": "data", "gpus": 2},
    "latency": {"batch_size": 12, "repeats": 3, "seconds": 2.5},
}
NETWORK = {"width": 16, "heads": 2, "depth": 4, "group": 2, "min_length": 2}
TRAINED = {"label": "trained", "inner_ode": True, "start": "scratch", "training": TRAINING}
SMALL = {
    "seed": 77,
    "dataset": {
        **{"name": "flowers", "kind": "folder", "path": "downloads/flowers", "image": [8, 8], "channels": 1},
        **{"classes": 2, "fraction": 0.5},
    },
    "network": NETWORK,
    "models": {"first": TRAINED | {"seeds": [3, 4]}, "second": TRAINED | {"start": "first", "inner_ode": False}},
    "features": {"hidden": 6, "epochs": 2, "seed": 8},
    "evaluation": EVALUATION
    | {
        "grid": [
            {"models": ["first"], "weights": "raw", "lengths": [4], "solvers": ["euler:2"], "guidance": 1.5},
            {"models": ["first", "second"], "solvers": ["dopri5:1e-2", "tsit5:1e-3"], "d": 0},
            {"models": ["second"], "solvers": ["heun:1e-2"], "joint": True},
        ]
    },
}
LARGE = {
    "dataset": {
        **{"name": "faces", "kind": "celebahq", "source": "celebahq", "image": [64, 64], "classes": 1, "flip": True},
    },
    "codec": {"source": "vae", "factor": 4, "channels": 8, "scale": 0.2, "dtype": "bfloat16", "batch_size": 3},
    "network": NETWORK | {"patch": 4},
    "models": {
        "released": {"label": "released", "inner_ode": False, "source": "sm-celebahq-b"},
        "tuned": TRAINED | {"start": "released"},
    },
    "features": {
        "references": {"jax": "fid-celebahq-jax", "ours": "fid-celebahq-ours"},
        **{
            "weights": "inception-clean",
            "torchscript": "inception-fid",
            "subset": 8,
            "dtype": "bfloat16",
            "batch_size": 4,
        },
    },
    "evaluation": EVALUATION | {"grid": [{"models": ["released", "tuned"], "solvers": ["euler:1", "euler:4"]}]},
}
DOWNLOADS = {
    **{"registry": "config/my-sources.yaml", "lock": "config/my.lock.yaml", "strict": True, "by_hand": "here"},
    **{"proxy": "http://localhost:1", "certificate": "my.pem", "note": "Sizes only."},
}
SUITE = {
    **{"seed": 9, "published": "config/my-reference.yaml", "downloads": DOWNLOADS},
    "experiments": {"small": SMALL, "large": LARGE, "off": SMALL | {"enabled": False}},
}
# A download's suite says only how it is fetched.
NOT_COMPARED = {"fetch": {"suite"}}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A checkout with the suite `mine`, in which nothing has been made."""
    folder = tmp_path_factory.mktemp("project")
    for part in ("Snakefile", "workflow", "config"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part)
    shutil.copy(folder / "config" / "sources.yaml", folder / "config" / "my-sources.yaml")
    published = (folder / "config" / "reference.yaml").read_text(encoding="utf-8")
    (folder / "config" / "my-reference.yaml").write_text(published.replace("imagenet-b", "large"), encoding="utf-8")
    shutil.copy(folder / "config" / "sources.lock.yaml", folder / "config" / "my.lock.yaml")
    (folder / "config" / "mine.yaml").write_text(yaml.safe_dump(SUITE), encoding="utf-8")
    (folder / "config" / "config.yaml").write_text("suite: mine\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def commands(project):
    """The options of every command that the workflow would run."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--dry-run", "--printshellcmds"]
    planned = subprocess.run(command, cwd=project, capture_output=True, encoding="utf-8", timeout=120)
    assert planned.returncode == 0, planned.stderr
    lines = (planned.stdout + planned.stderr).splitlines()
    printed = [line.partition("python -m odelt ")[2] for line in lines]
    return [cli.parser().parse_args(shlex.split(line)) for line in printed if line]


def outputs(arguments) -> list[pathlib.Path]:
    written = VERBS[arguments.command].outputs or ("",)
    return [out / name for out in recording._paths(arguments) for name in written]


def record(path: str, verb: str, given: dict) -> Record:
    output = Output(path=path, sha256="0" * 64, bytes=0)
    code, environment = Code(commit=None, dirty=None, modules={}), Environment(python="3", packages={}, device=None)
    fields = {"inputs": (), "seed": None, "code": code, "environment": environment, "started": "", "ended": ""}
    return Record(output=output, suite="mine", verb=verb, parameters=given, **fields)


@pytest.fixture(scope="module")
def records(project, commands):
    """Each command with the records that it would leave."""
    root, found = project / "results" / "mine", []
    with contextlib.chdir(project):
        for one in commands:
            given = recording.parameters(one, root)
            paths = [path.absolute().relative_to(root) for path in outputs(one)]
            found += [(one, record(path.as_posix(), one.command, given)) for path in paths if concerns(path)]
    return found


@pytest.fixture(scope="module")
def suite(project) -> Suite:
    return load_suite(project / "config" / "mine.yaml")


def sections(value):
    """All sections of a suite, also those within others."""
    if isinstance(value, Section):
        yield value
        value = [getattr(value, name) for name in type(value).model_fields]
    if isinstance(value, dict):
        value = list(value.values())
    for child in value if isinstance(value, list | tuple) else ():
        yield from sections(child)


def test_the_suite_overrides_everything_that_can_be_overridden(suite):
    overridden, known = set(), set()
    for section in sections(suite):
        for name, field in type(section).model_fields.items():
            known.add((type(section).__name__, name))
            if field.is_required() or getattr(section, name) != field.get_default():
                overridden.add((type(section).__name__, name))
    assert known - overridden == set()


@pytest.mark.workflow
def test_what_the_rules_ask_for_is_what_the_audit_expects(records, suite):
    described = {verb.name for verb in VERBS.values() if verb.parameters is not no_parameters and not verb.of_study}
    assert {one.verb for _, one in records} >= described - {"audit-page"}  # which has no record
    found = {one.output.path: parameters.differences(suite, one) for _, one in records}
    assert {path: told for path, told in found.items() if told} == {}


@pytest.mark.workflow
def test_every_parameter_of_a_rule_is_compared(records, suite):
    for arguments, one in records:
        expected, _ = VERBS[one.verb].expected(Target(suite, "mine", one.output.path), one.parameters, None)
        given = {name for name in one.parameters if not _is_of_files(getattr(arguments, name))}
        assert given - expected.keys() - NOT_COMPARED.get(one.verb, set()) == set(), one.verb


def _is_of_files(value: object) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(one is None or isinstance(one, pathlib.Path) for one in values)


def test_a_floor_has_the_seed_of_its_experiment(suite):
    assert not parameters.differences(suite, record("small/scores/floor.json", "floor", {"seed": 77}))
    assert not parameters.differences(suite, record("large/scores/floor.json", "floor", {"seed": 9}))
    (told,) = parameters.differences(suite, record("small/scores/floor.json", "floor", {"seed": 9})).parameters
    assert told == "seed is 9, and 77 in the configuration"


def test_reference_statistics_under_each_others_labels_are_told(suite):
    files = [["jax", "sources/fid-celebahq-jax/a.npz"], ["ours", "sources/fid-celebahq-ours/b.npz"]]
    given = record("large/scores/references.json", "compare-references", {"reference": files})
    assert not parameters.differences(suite, given)
    swapped = [[label, path] for (label, _), (_, path) in zip(files, files[::-1], strict=True)]
    assert parameters.differences(suite, record(given.output.path, given.verb, {"reference": swapped})).parameters


def test_features_of_another_sample_set_are_told(suite):
    path = "small/features/second/ema/full/dopri5-1e-2_d0_w1.npz"
    given = {"array": "samples", "images": path.replace("features", "samples", 1), "out": path}
    assert not parameters.differences(suite, record(path, "features", given))
    given["images"] = given["images"].replace("second", "first")
    assert parameters.differences(suite, record(path, "features", given)).parameters

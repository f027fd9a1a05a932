"""A small finished results folder, made by the verbs that the workflow calls, with a download among its sources."""

import contextlib
import hashlib
import json
import pathlib
import pickle
import shlex
import shutil

import numpy as np
import pytest
import yaml
from conftest import CHECKPOINTS, GOLDEN

from odelt import cli
from odelt.config import Suite, load_suite
from odelt.config.registry import load_registry
from odelt.layout import grid, paths
from odelt.layout.targets import Target
from odelt.provenance import record
from odelt.sources import unpickle
from odelt.verbs import VERBS

ROOT = pathlib.Path(__file__).parents[2]
CHECKPOINT = CHECKPOINTS["odelt"]
TRAINING = {"steps": 2, "learning_rate": 1e-3, "warmup_steps": 1, "batch_size": 16, "log_every": 1}
MODEL = {"label": "ODE_t(ODE_l)", "start": "scratch", "inner_ode": True, "training": TRAINING}
RELEASED = {"label": "ODE_t(ODE_l), released", "inner_ode": True, "source": "released"}
DIGITS = {
    "dataset": "digits",
    "network": {"width": 16, "heads": 2, "depth": 2, "group": 1, "min_length": 1},
    "models": {"odelt": MODEL, "released": RELEASED},
    "features": {"hidden": 4, "epochs": 2},
    "evaluation": {
        "samples": 20,
        "latency": {"batch_size": 8, "repeats": 1, "seconds": 0},
        "grid": [
            {"models": ["odelt"], "lengths": [1], "solvers": ["euler:1", "euler:2"]},
            {"models": ["released"], "lengths": [1], "solvers": ["euler:1"]},
        ],
    },
}


def project(folder: pathlib.Path) -> None:
    """A checkout's configuration, with a suite `tiny` and one source, which has been fetched by hand."""
    (folder / "downloads").mkdir(parents=True)
    (folder / "config").mkdir()
    released(folder / "downloads" / CHECKPOINT)
    shutil.copy(ROOT / "config" / "reference.yaml", folder / "config")
    shutil.copy(ROOT / "Snakefile", folder)
    shutil.copytree(ROOT / "workflow" / "rules", folder / "workflow" / "rules")
    source = {"what": "a checkpoint", "licence": "MIT", "url": f"https://example.org/{CHECKPOINT}", "bytes": 1}
    sha256 = hashlib.sha256((folder / "downloads" / CHECKPOINT).read_bytes()).hexdigest()
    written = {
        "tiny": {"seed": 10, "experiments": {"digits": DIGITS}},
        "sources": {"sources": {"released": source}},
        "sources.lock": {"sources": {"released": {CHECKPOINT: {"sha256": sha256}}}},
    }
    for name, content in written.items():
        (folder / "config" / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def released(path: pathlib.Path) -> None:
    """The released code's own small checkpoint, with one channel and ten classes, so that it makes digits."""
    content = unpickle.load(GOLDEN / CHECKPOINT)
    for params in (content["params"], content["params_ema"]):
        patches, labels = params["PatchEmbed_0"]["Conv_0"], params["LabelEmbedder_0"]["Embed_0"]
        patches["kernel"] = patches["kernel"][:, :, :1]
        labels["embedding"] = np.resize(labels["embedding"], (11, labels["embedding"].shape[1]))
        last = params["FinalLayer_0"]["Dense_1"]
        last |= {name: leaf[..., :4] for name, leaf in last.items()}
    with path.open("wb") as file:
        pickle.dump(content, file)


def make(folder: pathlib.Path) -> pathlib.Path:
    """Makes everything that the suite asks for; returns its results."""
    project(folder)
    with contextlib.chdir(folder):
        for command in commands(load_suite("config/tiny.yaml"), pathlib.Path("results/tiny")):
            assert cli.main([str(part) for part in command]) == 0, command
    return folder / "results" / "tiny"


def commands(suite: Suite, results: pathlib.Path):
    """The command lines of the workflow's rules for this suite, in an order that works."""
    everywhere = paths.SuitePaths(results, load_registry(suite.downloads.registry))
    (name, settings), *_ = suite.enabled.items()
    files = everywhere.experiment(name)
    data, source = everywhere.data(settings), everywhere.source("released")

    def command(verb, *inputs, of):
        """The verb with the options that its description has for these targets."""
        targets = [Target(suite, "tiny", path.relative_to(results).as_posix()) for path in of]
        return [verb, *inputs, *shlex.split(VERBS[verb].options(targets, everywhere))]

    yield ["fetch", "released", "--suite", "tiny", "--out", source]
    yield command("import-checkpoint", source, of=[files.weights("released")])
    yield command("prepare-data", of=[data])
    yield command("fit-features", "--dataset", data, of=[files.feature_network])
    network = ("--network", files.feature_network)
    yield command("features", *network, of=[files.real_features])
    yield command("floor", "--features", files.real_features, of=[files.floor])
    train = ("--dataset", data, "--checkpoints", results / "checkpoints")
    yield command("train", *train, of=[files.weights("odelt")])
    real = ("--dataset", data, "--real-features", files.real_features)
    for points in grid.point_jobs(settings).values():
        yield command("sample-grid", of=map(files.samples, points))
        yield command("features", *network, of=map(files.features, points))
        yield command("score", *real, of=map(files.score, points))
    yield command("latency", of=[files.latency])
    published, lock = ("--published", "config/reference.yaml"), ("--lock", suite.downloads.lock)
    main, scaling = files.table(paths.MAIN, "md"), files.figure(paths.SCALING, "svg")
    for verb in ("tables", "main-table"):
        yield command(verb, "--results", files.root, *published, *lock, of=[main])
    yield command("figures", "--results", files.root, *published, of=[scaling])
    for verb in ("verdicts", "claims"):
        yield command(verb, *published, "--results", results, of=[everywhere.table(verb, "md")])
    yield command("snapshot", of=[results / paths.SUITE])
    yield command("crate", "--results", results, of=[everywhere.crate])


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A finished results folder; not to be changed."""
    return make(tmp_path_factory.mktemp("project"))


@pytest.fixture
def results(whole, tmp_path):
    """A copy of it somewhere else, to be changed; neither project nor git is near."""
    return shutil.copytree(whole, tmp_path / "copied")


@pytest.fixture
def audit(capsys, tmp_path):
    """Audits a path; returns the exit status, the problems (a line each), and what was printed."""

    def run(*arguments):
        capsys.readouterr()
        with contextlib.chdir(tmp_path):
            status = cli.main(["audit", *map(str, arguments)])
        said = capsys.readouterr()
        assert "Traceback" not in said.err and "fault of the program" not in said.err
        return status, said.err.splitlines(), said.out

    return run


@pytest.fixture
def edit(results):
    """Changes an output's record by a function of its plain content, and seals it anew, as a forger would."""

    def change(output, function):
        path = record.record_path(results / output)
        content = json.loads(path.read_text(encoding="utf-8"))
        function(content)
        sealed = record.Record.model_validate(content).sealed()
        path.write_text(json.dumps(sealed.model_dump(mode="json")), encoding="utf-8")

    return change

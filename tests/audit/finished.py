"""A small finished results folder, made by the verbs that the workflow calls, with a download among its sources."""

import contextlib
import hashlib
import json
import pathlib
import pickle
import shutil

import numpy as np
import pytest
import yaml
from conftest import CHECKPOINTS, GOLDEN

from odelt import cli
from odelt.config import Suite, load_suite, network_of
from odelt.config.registry import load_registry
from odelt.layout import grid, paths
from odelt.provenance import record
from odelt.sources import unpickle

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
        "latency": {"batch_size": 8, "repeats": 1},
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
    layout, network = everywhere.experiment(name), network_of(settings)
    data, source = everywhere.data(settings), everywhere.source("released")
    feature_network, real = layout.root / "features/network.safetensors", layout.root / "features/real.npz"
    yield ["fetch", "released", "--suite", "tiny", "--out", source]
    yield [
        *("import-checkpoint", source, "--out", layout.model("released"), "--heads", network.heads),
        *("--group", network.group, "--min-length", network.min_length, "--image", "8x8"),
    ]
    yield ["prepare-data", "--settings", text(settings.dataset), "--out", data]
    yield ["fit-features", "--dataset", data, "--settings", text(settings.features), "--out", feature_network]
    yield ["features", "--network", feature_network, "--images", data, "--array", "images", "--out", real]
    yield ["floor", "--features", real, "--seed", settings.seed, "--out", layout.floor]
    run = grid.runs(settings)["odelt"]
    yield [
        *("train", "--dataset", data, "--network", text(network), "--training", text(run.settings.training)),
        *("--inner-ode", "--seed", run.seed, "--checkpoints", results / "checkpoints", "--out", layout.model("odelt")),
    ]
    for group, points in grid.sample_groups(settings).items():
        each = [("--setting", f"{p.solver},{p.guidance:g}", "--out", layout.samples(p)) for p in points]
        yield [
            *(
                "sample-grid",
                "--model",
                layout.model(group.model),
                "--weights",
                group.weights,
                "--length",
                group.length,
            ),
            *("--count", settings.evaluation.samples, "--seed", settings.evaluation.seed),
            *(part for setting in each for part in setting),
        ]
        for point in points:
            features = layout.root / "features" / f"{point.path}.npz"
            yield ["features", "--network", feature_network, "--images", layout.samples(point), "--out", features]
            yield [
                *("score", "--samples", layout.samples(point), "--features", features, "--dataset", data),
                *("--real-features", real, "--facts", json.dumps(grid.point_facts(name, settings, point))),
                *("--out", layout.score(point)),
            ]
    for (model, length), points in grid.latency_points(settings).items():
        facts = {"experiment": name, "model": model, **grid.length_facts(settings, length)}
        yield [
            *("latency", "--model", layout.model(model), "--length", length, "--batch-size", 8, "--repeats", 1),
            *(part for p in points for part in ("--setting", f"{p.solver},{p.guidance:g}")),
            *("--facts", json.dumps(facts), "--out", layout.latency(model, length)),
        ]
    of_experiment = ("--experiment", name, "--settings", text(settings))
    published, root = ("--published", "config/reference.yaml"), ("--results", layout.root)
    sources = ("--lock", suite.downloads.lock, "--source", "released")
    for verb in ("tables", "main-table"):
        yield [verb, *of_experiment, *published, *sources, *root, "--out", layout.root / "tables"]
    yield ["figures", *of_experiment, *root, "--out", layout.root / "figures"]
    for verb in ("verdicts", "claims"):
        yield [verb, *of_experiment, *published, "--results", results, "--out", results]
    yield ["snapshot", "--suite", "tiny", "--out", results]
    yield ["crate", "--suite", "tiny", "--results", results, "--out", results / "crate"]


def text(section) -> str:
    return json.dumps(section.model_dump(mode="json"))


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
        path = record.beside(results / output)
        content = json.loads(path.read_text(encoding="utf-8"))
        function(content)
        sealed = record.Record.model_validate(content).sealed()
        path.write_text(json.dumps(sealed.model_dump(mode="json")), encoding="utf-8")

    return change

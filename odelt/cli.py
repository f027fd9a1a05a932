"""The command line: one verb per rule of the workflow, and the few that people type. Thin: the rooms do the work.

Imports of the rooms are inside the verbs, so that `odelt --help` is instant and a verb loads only what it needs.
"""

import argparse
import contextlib
import json
import os
import pathlib
import signal
import sys

from odelt import __version__, kinds, process
from odelt.config import FINEST_D, Experiment, FeatureNetwork, Latency, Network, Solver, Training, parse, parse_json
from odelt.errors import OdeltError

Path = pathlib.Path
USER_ERROR = 2


class Parser(argparse.ArgumentParser):
    """Errors are one line and exit status 2."""

    def error(self, message):
        self.exit(USER_ERROR, f"{self.prog}: {message}\n")


def main(argv: list[str] | None = None) -> int:
    process.share_compiled_programs()
    try:
        arguments = parser().parse_args(argv)
        with process.logging_to(arguments.log) if arguments.log else contextlib.nullcontext():
            return _run(arguments)
    except OdeltError as error:
        print(f"odelt: {error}", file=sys.stderr)
        return USER_ERROR


def _run(arguments: argparse.Namespace) -> int:
    """The verb's exit status; what went wrong is one line."""
    try:
        return arguments.verb(arguments) or 0
    except OdeltError as error:
        print(f"odelt: {error}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("odelt: interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    except Exception as error:
        if os.environ.get("ODELT_TRACEBACK"):
            raise
        told = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"odelt: a fault of the program: {told} (ODELT_TRACEBACK=1 shows where)", file=sys.stderr)
        return USER_ERROR


# ---------------------------------------------------------------- sources, data


def import_checkpoint(a):
    from odelt.sources import checkpoints

    config = checkpoints.import_checkpoint(
        a.file, a.out, heads=a.heads, group=a.group, min_length=a.min_length, image=a.image, layout=a.format
    )
    print(
        f"{a.out}: {config.depth} blocks of width {config.width}, lengths {', '.join(map(str, config.lengths))}",
        file=sys.stderr,
    )


def prepare_data(a):
    from odelt.data import dataset, digits

    dataset.save(a.out, {"digits": digits.load}[a.dataset]())


# ---------------------------------------------------------------- training


def train(a):
    from odelt import files
    from odelt.data import dataset
    from odelt.training import checkpoints, loop

    network = parse_json(Network, a.network, "--network")
    training = parse_json(Training, a.training, "--training")
    data = dataset.load(a.dataset)
    # What tells this run from another, beside its settings.
    identity = {"dataset": files.digest(a.dataset)}
    if a.start:
        identity["start"] = files.digest(a.start / "model.safetensors")
    try:
        loop.train(
            data,
            loop.start_weights(network, a.start, a.inner_ode, a.seed),
            network,
            training,
            inner_ode=a.inner_ode,
            seed=a.seed,
            checkpoints=a.checkpoints,
            identity=identity,
            out=a.out,
        )
    except checkpoints.Interrupted as interrupted:
        print(f"odelt: {interrupted}", file=sys.stderr)
        return 128 + interrupted.signum


# ---------------------------------------------------------------- sampling


def sample(a):
    from odelt.model import load_model
    from odelt.sampling import generate

    solver = Solver.parse(a.solver)
    model = load_model(a.model, a.weights, a.dtype, length=a.length)
    with _progress(a.count, "sample") as progress:
        samples = generate(
            model,
            count=a.count,
            seed=a.seed,
            solver=solver,
            length=a.length,
            guidance=a.guidance,
            d=a.d,
            batch_size=a.batch_size,
            joint=a.joint,
            labels=a.labels,
            progress=progress,
        )
    samples.save(a.out)


def sample_grid(a):
    """All sample sets of one (model, weights, length) in one process."""
    from odelt.model import load_model
    from odelt.sampling import generate

    if len(a.setting) != len(a.out):
        raise OdeltError(f"{len(a.setting)} settings, but {len(a.out)} output files")
    model = load_model(a.model, a.weights, a.dtype, length=a.length)
    with _progress(a.count * len(a.setting), "sample") as progress:
        for (solver, guidance, d), out in zip(a.setting, a.out, strict=True):
            samples = generate(
                model,
                count=a.count,
                seed=a.seed,
                solver=solver,
                length=a.length,
                guidance=guidance,
                d=FINEST_D if d is None else d,
                batch_size=a.batch_size,
                progress=progress,
            )
            samples.save(out)


def latency(a):
    from odelt.evaluation import latency
    from odelt.model import load_model

    timing = parse(Latency, {"batch_size": a.batch_size, "repeats": a.repeats}, "latency")
    model = load_model(a.model, a.weights, a.dtype, length=a.length)
    settings = [latency.Setting(*setting) for setting in a.setting]
    facts = a.facts | {
        "batch_size": a.batch_size,
        "repeats": a.repeats,
        "dtype": a.dtype,
        "device": latency.device_name(),
    }
    _write_json(a.out, facts | {"points": latency.measure(model, a.length, settings, timing)})


# ---------------------------------------------------------------- evaluation


def fit_features(a):
    from odelt.data import dataset
    from odelt.evaluation import features

    features.save(a.out, features.fit(dataset.load(a.dataset), parse_json(FeatureNetwork, a.settings, "--settings")))


def features(a):
    import numpy as np

    from odelt import files
    from odelt.data.dataset import read_arrays
    from odelt.evaluation import features

    images = read_arrays(a.images, (a.array,))[a.array]
    with files.writing(a.out) as draft, draft.open("wb") as file:
        np.savez(file, features=features.features(features.load(a.network), images))


def floor(a):
    from odelt.data.dataset import read_arrays
    from odelt.evaluation import scores

    real = read_arrays(a.features, ("features",))["features"]
    _write_json(a.out, {"frechet_distance": scores.floor(real, a.seed), "images": len(real), "seed": a.seed})


def score(a):
    from odelt.data import dataset
    from odelt.data.dataset import read_arrays
    from odelt.evaluation import scores

    made = read_arrays(a.samples, ("samples", "labels", "evaluations"))
    features = read_arrays(a.features, ("features",))["features"]
    real_features = read_arrays(a.real_features, ("features",))["features"]
    result = scores.score(made["samples"], made["labels"], features, dataset.load(a.dataset), real_features)
    facts = {"samples": len(made["samples"]), "evaluations": float(made["evaluations"].mean())}
    _write_json(a.out, a.facts | facts | result)


# ---------------------------------------------------------------- publishing


def tables(a):
    from odelt import grid
    from odelt.publishing import pages, tables

    experiment = parse_json(Experiment, a.settings, "--settings")
    layout = grid.Layout(a.results)
    rows = tables.rows(a.experiment, experiment, layout, a.seed)
    tables.write_grid(rows, a.out / "grid")
    tables.write_trade_off(rows, a.out / "trade-off")
    for name in ("grid", "trade-off"):
        pages.write_page(a.out / f"{name}.md")


def figures(a):
    from odelt import grid
    from odelt.publishing import figures, pictures, tables

    experiment = parse_json(Experiment, a.settings, "--settings")
    layout = grid.Layout(a.results)
    rows = tables.rows(a.experiment, experiment, layout, a.seed)
    figures.scaling(rows, a.out / "scaling")
    figures.sample_grid(*pictures.sample_cells(experiment, layout), a.out / "samples")
    curves = {model.label: layout.curve(name) for name, model in experiment.models.items()}
    figures.training_curves(curves, a.out / "training")


def plan(a):
    from odelt import preflight

    name = a.suite or preflight.configured()
    print(preflight.plan(name, preflight.suite_named(name)))


def doctor(a):
    from odelt import preflight

    missing = preflight.missing(preflight.suite_named(a.suite or preflight.configured()))
    print("\n".join(missing) if missing else "nothing is missing")
    return 1 if missing else 0


def schema(a):
    import yaml

    from odelt import config

    print("# Written by `odelt schema` from odelt/config.py.")
    print(yaml.safe_dump(config.schema(), sort_keys=False), end="")


# ---------------------------------------------------------------- arguments


def parser() -> Parser:
    top = Parser(prog="odelt", description="ODE_t(ODE_l): sampling with fewer time steps and fewer blocks.")
    top.add_argument("--version", action="version", version=__version__)
    top.add_argument("--log", type=Path, metavar="FILE", help="also write messages and errors to this file")
    verbs = top.add_subparsers(required=True, metavar="VERB", parser_class=Parser)

    def verb(name, function, help, **options):
        p = verbs.add_parser(name, help=help, description=help)
        p.set_defaults(verb=function)
        for option, settings in options.items():
            flag = option if option.isupper() else f"--{option.rstrip('_').replace('_', '-')}"
            p.add_argument(flag.lower() if option.isupper() else flag, **settings)
        return p

    def path(**more):
        return {"type": Path, "required": "default" not in more, **more}

    out = path(metavar="PATH", help="what is written")
    dtype = {"choices": ["float32", "bfloat16"], "default": "float32", "help": "type of the computation"}
    weights = {"choices": ["ema", "raw"], "default": "ema", "help": "which of the model's weights"}
    length = {
        "type": kinds.length_or_full,
        "required": True,
        "metavar": "l|full",
        "help": "active blocks, or 'full': conventional",
    }
    seed = {"type": kinds.at_least(0), "default": 0, "help": "of the random numbers"}
    positive = {"type": kinds.at_least(1), "required": True}
    batch = {
        "type": kinds.at_least(1),
        "default": 256,
        "help": "samples at once (adaptive solvers: always 64, unless --joint)",
    }
    model = path(metavar="DIR", help="a model directory")
    setting = {
        "type": kinds.solver_setting,
        "action": "append",
        "required": True,
        "metavar": "SOLVER,w[,d]",
        "help": "may be repeated; for example euler:4,1 or dopri5:1e-3,1,7",
    }

    verb(
        "import-checkpoint",
        import_checkpoint,
        "make a model directory from a released checkpoint",
        FILE={"type": Path, "help": "a pickled checkpoint of SM or of the authors; nothing in it is run"},
        out=path(metavar="DIR", help="the model directory to write"),
        heads=positive | {"help": "attention heads"},
        group=positive | {"help": "G, blocks per step of the inner ODE"},
        min_length=positive | {"help": "the shortest allowed length"},
        image={"type": kinds.image_size, "default": (32, 32), "metavar": "HxW", "help": "size of the latent; 32x32"},
        format={"choices": ["auto", "sm", "odelt"], "default": "auto", "help": "layout of the file"},
    )
    verb(
        "sample",
        sample,
        "generate samples; sample i depends on (seed, i) only",
        model=model,
        length=length,
        solver={"required": True, "metavar": "euler:T|dopri5:TOL|tsit5:TOL", "help": "solver of the ODE over time"},
        guidance={
            "type": kinds.guidance_scale,
            "default": 1.0,
            "metavar": "w",
            "help": "0: unconditional, 1: conditional",
        },
        count=positive | {"metavar": "N"},
        seed=seed,
        out=path(metavar="FILE.npz", help="samples [N,H,W,C], labels [N], evaluations [N]"),
        weights=weights,
        d={"type": int, "choices": range(FINEST_D + 1), "default": FINEST_D, "help": "condition of adaptive solvers"},
        joint={"action": "store_true", "help": "adaptive solvers: one step size for a whole batch, as the release"},
        batch_size=batch,
        dtype=dtype,
        labels={"type": kinds.label_list, "metavar": "y1,y2,…", "help": "dealt out in turn, instead of drawn"},
    )
    verb("prepare-data", prepare_data, "write a dataset", dataset={"choices": ["digits"], "required": True}, out=out)
    verb(
        "train",
        train,
        "train or fine-tune; the same command goes on after an interruption",
        dataset=path(),
        start=path(default=None, help="model directory to start from; fresh weights without"),
        network={"required": True, "help": "JSON, or a file"},
        training={"required": True, "help": "JSON, or a file"},
        inner_ode={"action": "store_true", "help": "train ODE_t(ODE_l), not the conventional path"},
        seed=seed,
        checkpoints=path(metavar="DIR", help="where the state of an unfinished run lies"),
        out=path(metavar="DIR", help="model directory to write, with the training curve"),
    )
    grid = {"model": model, "weights": weights, "length": length, "setting": setting, "dtype": dtype}
    verb(
        "sample-grid",
        sample_grid,
        "generate one sample set per setting",
        **grid,
        count=positive,
        seed=seed,
        batch_size=batch,
        out={"type": Path, "action": "append", "required": True, "metavar": "FILE.npz"},
    )
    facts = {
        "type": kinds.json_object,
        "default": {},
        "metavar": "JSON",
        "help": "what the result is of; goes into it as it is",
    }
    verb(
        "latency",
        latency,
        "time the generation of a batch",
        **grid,
        batch_size=batch,
        repeats=positive,
        facts=facts,
        out=out,
    )
    verb(
        "fit-features",
        fit_features,
        "train the feature network of a small dataset",
        dataset=path(),
        settings={"required": True},
        out=out,
    )
    verb(
        "features",
        features,
        "features of images",
        network=path(),
        images=path(metavar="FILE.npz"),
        array={"default": "samples", "help": "which array of the file holds the images"},
        out=out,
    )
    verb("floor", floor, "Fréchet distance between two halves of the real data", features=path(), seed=seed, out=out)
    verb(
        "score",
        score,
        "score a sample set",
        samples=path(),
        features=path(),
        dataset=path(),
        real_features=path(),
        facts=facts,
        out=out,
    )
    publishing = {
        "experiment": {"required": True},
        "settings": {"required": True},
        "results": path(metavar="DIR"),
        "seed": seed,
        "out": out,
    }
    verb("tables", tables, "tables of an experiment from whatever has been scored", **publishing)
    verb("figures", figures, "figures of an experiment from whatever has been made", **publishing)
    suite = {"metavar": "NAME", "help": "a suite in config/; the configured one without"}
    verb("plan", plan, "what the suite will cost", suite=suite)
    verb("doctor", doctor, "what is missing here for the suite; exit status 1 if anything is", suite=suite)
    verb("schema", schema, "the JSON schema of a suite, as YAML")
    return top


def _write_json(path: Path, content: dict) -> None:
    from odelt import files

    files.write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


@contextlib.contextmanager
def _progress(total: int, unit: str):
    import tqdm

    with tqdm.tqdm(total=total, unit=unit, delay=1, mininterval=1, dynamic_ncols=True) as bar:
        yield bar.update

"""Features, scores, latency."""

from odelt.commands import kinds, options
from odelt.commands.data import claim_for_torch, open_images
from odelt.config import Codec, Dataset, FeatureNetwork, Inception, Latency, ModelConfig, parse_json
from odelt.layout.grid import ProgramKey

INCEPTION = options.INCEPTION | {"settings": options.SETTINGS}
REAL = options.path(metavar="FILE.npz", help="statistics of the real images")
REFERENCE = {
    "type": kinds.labelled_path,
    "action": "append",
    "required": True,
    "metavar": "LABEL=FILE.npz",
    "help": "downloaded mean and covariance of features; may be repeated",
}


def latency(a):
    from odelt.machine import devices

    network, timing = parse_json(ModelConfig, a.network, "--network"), parse_json(Latency, a.timing, "--timing")
    programs = list(map(ProgramKey.parse, a.program))
    devices.start_jax(devices.claim())
    from odelt.evaluation import latency

    options.write_json(a.out, a.facts | latency.measure(network, programs, timing, a.dtype))


# ---------------------------------------------------------------- small datasets: a feature network of their own


def fit_features(a):
    from odelt.data import dataset
    from odelt.evaluation import features

    features.save(a.out, features.fit(dataset.load(a.dataset), parse_json(FeatureNetwork, a.settings, "--settings")))


def features(a):
    import numpy as np

    from odelt import files, trace
    from odelt.data.dataset import read_arrays
    from odelt.evaluation import features

    network = features.load(a.network)
    for path, out in options.for_each_output(a, "images"):
        with trace.separately():
            images = read_arrays(path, (a.array,))[a.array]
            with files.writing(out) as draft, draft.open("wb") as file:
                np.savez(file, features=features.features(network, images))


def floor(a):
    from odelt.data.dataset import read_arrays
    from odelt.evaluation import scores

    real = read_arrays(a.features, ("features",))["features"]
    options.write_json(a.out, {"frechet_distance": scores.floor(real, a.seed), "images": len(real), "seed": a.seed})


def score(a):
    from odelt import trace
    from odelt.data import dataset
    from odelt.data.dataset import read_arrays
    from odelt.evaluation import evaluations, scores

    scorer = scores.Scorer(dataset.load(a.dataset), read_arrays(a.real_features, ("features",))["features"])
    for samples, features, facts, out in options.for_each_output(a, "samples", "features", "facts"):
        with trace.separately():
            made = read_arrays(samples, ("samples", "labels", "evaluations"))
            feature_rows = read_arrays(features, ("features",))["features"]
            result = scorer.score(made["samples"], made["labels"], feature_rows)
            counts = evaluations.counts(made["evaluations"], facts.get("solver"))
            options.write_json(out, facts | {"samples": len(made["samples"])} | counts | result)


# ---------------------------------------------------------------- large datasets: Inception


def real_statistics(a):
    """Computes the statistics of the whole train split, without flips and unquantised (SPEC 6)."""
    claim_for_torch()
    from odelt import vision
    from odelt.data import images
    from odelt.evaluation import fid
    from odelt.vision import inception, streams
    from odelt.vision.describing import describe

    settings = parse_json(Inception, a.settings, "--settings")
    real = images.shuffled(open_images(parse_json(Dataset, a.dataset, "--dataset"), a.images))
    networks = inception.load(a.weights, a.torchscript, precision=settings.dtype, batch_size=settings.batch_size)
    with options.progress(len(real), "image") as progress:
        counted = streams.counted(images.batches(real, settings.batch_size), progress)
        batches = (vision.upload(batch, networks.device) for batch, _ in counted)
        description = describe(batches, networks, subset=settings.subset)
        del description["features_clean"]  # nothing reads those of real images
        fid.save(a.out, description)


def statistics(a):
    """Decodes and describes sample sets batch by batch, so that images need little memory."""
    claim_for_torch()
    from odelt import trace
    from odelt.data.dataset import read_arrays, rows_of
    from odelt.evaluation import fid
    from odelt.publishing.pictures import first_of_each_class
    from odelt.vision import inception, streams, vae
    from odelt.vision.describing import REAL_SUBSET, describe, further

    settings, codec_settings = parse_json(Inception, a.settings, "--settings"), parse_json(Codec, a.codec, "--codec")
    networks = inception.load(a.weights, a.torchscript, precision=settings.dtype, batch_size=settings.batch_size)
    codec = vae.load(a.vae, precision=codec_settings.dtype, batch_size=codec_settings.batch_size)
    real = read_arrays(a.real, REAL_SUBSET)
    for samples, pictures, out in options.for_each_output(a, "samples", "pictures"):
        with trace.separately():  # a set's statistics do not come from the sets before it
            made = read_arrays(samples, ("labels", "evaluations"))
            shown = first_of_each_class(made["labels"])
            with options.progress(len(made["labels"]), "image") as progress:
                latents = rows_of(samples, "samples", settings.batch_size)
                images = streams.counted(streams.decoded(latents, codec, codec_settings.scale), progress)
                description = describe(images, networks, subset=settings.subset, pictured=shown.tolist())
            fid.save(pictures, {"samples": description["pictures"], "labels": made["labels"][shown]})
            needed = {name: description[name] for name in (*fid.MOMENTS, *fid.KEPT, "count")}
            fid.save(out, needed | further(description, real, seed=0) | {"evaluations": made["evaluations"]})


def score_fid(a):
    from odelt import trace
    from odelt.evaluation import fid

    for statistics, facts, out in options.for_each_output(a, "statistics", "facts"):
        with trace.separately():
            options.write_json(out, facts | fid.score(statistics, a.real, dict(a.reference), facts.get("solver")))


def compare_references(a):
    """Measures how far the downloaded reference statistics are from those of the images themselves."""
    from odelt.evaluation import fid

    options.write_json(a.out, fid.compare(a.real, dict(a.reference)))


def register(verb):
    verb(
        "latency",
        latency,
        network=options.SETTINGS | {"help": "a network: JSON, or a file such as a model's config.json"},
        timing=options.SETTINGS,
        program=options.text(
            action="append", metavar="l|full,SOLVER[,guided]", help="may be repeated; for example 4,euler:128,guided"
        ),
        dtype=options.DTYPE,
        facts=options.FACTS,
        out=options.OUT,
    )
    _register_small(verb)
    _register_statistics(verb)
    _register_fid(verb)


def _register_small(verb):
    verb(
        "fit-features",
        fit_features,
        dataset=options.path(),
        settings=options.SETTINGS,
        out=options.OUT,
    )
    verb(
        "features",
        features,
        network=options.path(),
        images=options.path(action="append", metavar="FILE.npz"),
        array={"default": "samples", "help": "which array of a file holds the images"},
        out=options.OUTS,
    )
    verb(
        "floor",
        floor,
        features=options.path(),
        seed=options.SEED,
        out=options.OUT,
    )
    verb(
        "score",
        score,
        samples=options.path(action="append", metavar="FILE.npz"),
        features=options.path(action="append", metavar="FILE.npz"),
        dataset=options.path(),
        real_features=options.path(),
        facts=options.FACTS_OF_EACH,
        out=options.OUTS,
    )


def _register_statistics(verb):
    verb(
        "real-statistics",
        real_statistics,
        dataset=options.SETTINGS,
        images=options.path(metavar="DIR"),
        **INCEPTION,
        out=options.OUT,
    )
    verb(
        "statistics",
        statistics,
        samples=options.path(action="append", metavar="FILE.npz"),
        pictures=options.OUTS | {"metavar": "FILE.npz", "help": "where a few decoded samples go, for each"},
        vae=options.path(metavar="DIR", help="the autoencoder, as the hub has it"),
        codec=options.SETTINGS,
        real=REAL,
        **INCEPTION,
        out=options.OUTS,
    )


def _register_fid(verb):
    verb(
        "score-fid",
        score_fid,
        statistics=options.path(action="append", metavar="FILE.npz"),
        real=REAL,
        reference=REFERENCE,
        facts=options.FACTS_OF_EACH,
        out=options.OUTS,
    )
    verb(
        "compare-references",
        compare_references,
        real=REAL,
        reference=REFERENCE,
        out=options.OUT,
    )

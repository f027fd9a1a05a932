"""With which parameters a suite makes an output: what a record is compared with.

The rules in `workflow/rules/` say the same, in their `params`; `tests/provenance/test_parameters.py` compares the two.
"""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

from odelt.config import Experiment, Section, Suite, network_of
from odelt.layout import grid, paths
from odelt.provenance.record import Record
from odelt.quoting import printable, quoted

OF_STUDY = ("latency-snapshot", "latency-study", "latency-table")  # verbs of the latency study, which is no suite's
LEFT_OVER = "is left over: the suite's configuration (suite.yaml) asks for no such output; remove it and its record"
LONGEST = 60  # characters of a value in a message


def differences(suite: Suite, record: Record) -> list[str]:
    """Where a record's parameters are not the suite's, in words; a verb that no suite asks for differs in nothing."""
    make = EXPECTED.get(record.verb)
    try:
        expected = make(suite, record) if make else {}
    except (LookupError, ValueError, TypeError, AttributeError, StopIteration):
        return [LEFT_OVER]
    given = record.parameters
    return [told for name in expected if (told := difference(name, given.get(name), expected[name]))]


def differences_of_study(record: Record) -> list[str]:
    """The same for a record in the latency study's folder, which the study's own verbs alone write."""
    if record.verb not in OF_STUDY:
        return [f"no latency study makes it ({quoted(record.verb)})"]
    if record.verb != "latency-study":
        return []
    network, length = record.parameters.get("network"), record.parameters.get("length")
    belongs = f"{network}/{grid.length_name(length)}.json"
    return [] if record.output.path == belongs else [f"was made with other parameters: those of {printable(belongs)}"]


def dataset_name(record: Record) -> str | None:
    """The name of the dataset whose file a record's output is; None where it is no dataset's."""
    parts = _parts(record)
    return parts[1] if len(parts) > 1 and parts[0] == "datasets" else None


def is_external_name(name: str, path: str) -> bool:
    """Whether a record may call a path of the configuration so: by its end, from the working folder on or its name."""
    parts, wanted = pathlib.PurePosixPath(os.path.normpath(path)).parts, pathlib.PurePosixPath(name).parts
    return bool(wanted) and parts[-len(wanted) :] == wanted


def difference(name: str, given: Any, expected: Any, by: str = "in the configuration") -> str | None:
    """The first place where two plain values differ, in words; None where they agree. `by` says what is expected."""
    if isinstance(given, Mapping) and isinstance(expected, Mapping):
        for key in sorted(map(str, given.keys() | expected.keys())):
            if told := difference(f"{name}.{key}", given.get(key), expected.get(key), by):
                return told
        return None
    if given == expected:
        return None
    told, wanted = (printable(value, LONGEST) for value in (given, expected))
    return f"{printable(name)} is {told}, and {wanted} {by}"


def _plain(section: Section) -> dict:
    return section.model_dump(mode="json")


def _of_dataset(suite: Suite, record: Record) -> tuple[dict, Experiment]:
    name = _parts(record)[1]
    user = next(settings for settings in suite.enabled.values() if settings.dataset.name == name)
    return _plain(user.dataset), user


def _parts(record: Record) -> tuple[str, ...]:
    return pathlib.PurePosixPath(record.output.path).parts


def _prepared(suite: Suite, record: Record) -> dict:
    return {"settings": _of_dataset(suite, record)[0]}


def _encoded(suite: Suite, record: Record) -> dict:
    dataset, user = _of_dataset(suite, record)
    return {"settings": dataset, "codec": _plain(user.codec)}


def _codec_error(suite: Suite, record: Record) -> dict:
    dataset, user = _of_dataset(suite, record)
    return {"settings": dataset, "count": user.codec.batch_size}


def _real_statistics(suite: Suite, record: Record) -> dict:
    dataset, user = _of_dataset(suite, record)
    return {"dataset": dataset, "settings": _plain(user.features)}


def _run(suite: Suite, record: Record) -> tuple[Experiment, grid.Run]:
    name, _, run, *_ = _parts(record)
    experiment = suite.enabled[name]
    return experiment, grid.runs(experiment)[run]


def _trained(suite: Suite, record: Record) -> dict:
    experiment, run = _run(suite, record)
    start = grid.start_of(run)
    return {
        "network": _plain(network_of(experiment)),
        "training": _plain(run.settings.training),
        "codec": _plain(experiment.codec) if experiment.latent else None,
        "start": start and f"{_parts(record)[0]}/models/{start}",
        "inner_ode": run.inner_ode,
        "seed": run.seed,
    }


def _imported(suite: Suite, record: Record) -> dict:
    network = network_of(_run(suite, record)[0])
    chosen = {"heads": network.heads, "group": network.group, "min_length": network.min_length}
    return {**chosen, "image": list(network.image), "format": "auto"}


def _point(suite: Suite, record: Record) -> tuple[str, Experiment, grid.Point]:
    name, _, *rest = _parts(record)
    experiment = suite.enabled[name]
    wanted = "/".join(rest).removesuffix(pathlib.PurePosixPath(rest[-1]).suffix)
    return name, experiment, next(point for point in grid.points(experiment) if point.path == wanted)


def _sampled(suite: Suite, record: Record) -> dict:
    name, experiment, point = _point(suite, record)
    evaluation = experiment.evaluation
    outs, settings = record.parameters["out"], record.parameters["setting"]
    own = {"setting": [setting for out, setting in zip(outs, settings, strict=True) if out == record.output.path]}
    asked = [str(point.solver), point.guidance, point.d]
    if own["setting"] != [asked]:
        return {"setting": [asked]}
    return {
        "model": f"{name}/models/{point.group.model}",
        "weights": point.group.weights,
        "length": point.group.length,
        "count": evaluation.samples,
        "seed": evaluation.seed,
        "batch_size": evaluation.batch_size,
        "dtype": evaluation.dtype,
        "sharding": evaluation.sharding,
    }


def _features(suite: Suite, record: Record) -> dict:
    if _parts(record)[2:] == ("real.npz",):
        return {"array": "images"}
    return {"array": "samples", "images": f"{_parts(record)[0]}/samples/{_point(suite, record)[2].path}.npz"}


def _floor(suite: Suite, record: Record) -> dict:
    return {"seed": suite.enabled[_parts(record)[0]].seed}


def _scored(suite: Suite, record: Record) -> dict:
    return {"facts": grid.point_facts(*_point(suite, record))}


def _scored_by_inception(suite: Suite, record: Record) -> dict:
    return _scored(suite, record) | _compared(suite, record)


def _compared(suite: Suite, record: Record) -> dict:
    """The reference statistics by their labels. A download is in the folder of its source, with a name of its own."""
    expected, given = [], dict(enumerate(record.parameters["reference"]))
    for k, (label, source) in enumerate(suite.enabled[_parts(record)[0]].features.references.items()):
        folder, path = f"sources/{source}/", given.get(k, ("", ""))[1]
        expected.append([label, path if path.startswith(folder) else folder])
    return {"reference": expected}


def _described(suite: Suite, record: Record) -> dict:
    name, experiment, point = _point(suite, record)
    outs = record.parameters["out" if _parts(record)[1] == "statistics" else "pictures"]
    pairs = zip(outs, record.parameters["samples"], strict=True)
    own = [samples for out, samples in pairs if out == record.output.path]
    expected = [f"{name}/samples/{point.path}.npz"]
    if own != expected:
        return {"samples": expected}
    return {"codec": _plain(experiment.codec), "settings": _plain(experiment.features)}


def _timed(suite: Suite, record: Record) -> dict:
    name, _, model, file = _parts(record)
    experiment = suite.enabled[name]
    word = file.removesuffix(".json")
    length = None if word == "full" else int(word.removeprefix("l"))
    points = grid.latency_points(experiment)[model, length]
    timing = experiment.evaluation.latency
    facts = {"experiment": name, "model": model, **grid.length_facts(experiment, length)}
    return {
        "model": f"{name}/models/{model}",
        "weights": "ema",
        "length": length,
        "facts": facts,
        "setting": [[str(point.solver), point.guidance, point.d] for point in points],
        "batch_size": timing.batch_size,
        "repeats": timing.repeats,
        "dtype": experiment.evaluation.dtype,
    }


def _published(suite: Suite, record: Record) -> dict:
    name = _parts(record)[0]
    return {"experiment": name, "settings": _plain(suite.enabled[name])}


def _annotated(suite: Suite, record: Record) -> dict:
    """A table says of downloads what the suite says of them, and which of them nobody has vouched for."""
    expected = _published(suite, record)
    sources = paths.sources_of_experiment(suite.enabled[expected["experiment"]])
    return expected | {"note": suite.downloads.note if sources else None, "source": sources or None}


def _claimed(suite: Suite, record: Record) -> dict:
    return {"experiment": list(suite.enabled), "settings": [_plain(one) for one in suite.enabled.values()]}


def _of_suite(suite: Suite, record: Record) -> dict:
    return {"suite": record.suite}


EXPECTED = {
    "fetch": lambda suite, record: {"name": _parts(record)[1]},
    "import-checkpoint": _imported,
    "prepare-data": _prepared,
    "prepare-images": _prepared,
    "encode": _encoded,
    "codec-error": _codec_error,
    "real-statistics": _real_statistics,
    "train": _trained,
    "sample-grid": _sampled,
    "fit-features": lambda suite, record: {"settings": _plain(suite.enabled[_parts(record)[0]].features)},
    "features": _features,
    "floor": _floor,
    "score": _scored,
    "score-fid": _scored_by_inception,
    "compare-references": _compared,
    "statistics": _described,
    "latency": _timed,
    "tables": _annotated,
    "main-table": _annotated,
    "figures": _published,
    "claims": _claimed,
    "verdicts": _claimed,
    "snapshot": _of_suite,
    "crate": _of_suite,
}

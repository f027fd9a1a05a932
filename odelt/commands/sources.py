"""Downloads, and released checkpoints as model directories."""

import sys

from odelt.commands import kinds, options
from odelt.config import configured, suite_named
from odelt.objectives import DEFAULT_OBJECTIVE, OBJECTIVES
from odelt.quoting import printable


def fetch(a):
    from odelt.sources.fetch import fetch

    fetch(a.name, a.out, suite_named(a.suite or configured()).downloads)


def import_checkpoint(a):
    from odelt.layout.model_directory import CONFIG, WEIGHTS
    from odelt.sources import checkpoints

    settings = {"heads": a.heads, "group": a.group, "min_length": a.min_length, "image": a.image}
    settings |= {"layout": a.format, "objective": OBJECTIVES[a.objective] if a.objective else DEFAULT_OBJECTIVE}
    with options.telling_replaced(a.out / CONFIG, a.out / WEIGHTS):
        config = checkpoints.import_checkpoint(a.file, a.out, **settings)
    lengths = ", ".join(map(str, config.lengths))
    made = f"{a.out}: {config.depth} blocks of width {config.width}, lengths {lengths}"
    print(printable(made), file=sys.stderr)


def export(a):
    from odelt.sources import checkpoints

    checkpoints.export_checkpoint(a.dir, a.out, layout=a.format, weights=a.weights)


def register(verb):
    verb(
        "fetch",
        fetch,
        NAME={"help": "its name in the registry"},
        suite={"metavar": "NAME", "help": "whose `downloads` say how; the configured suite without"},
        out=options.path(metavar="PATH", help="what is written: a file, or a folder of files from the hub"),
    )
    verb(
        "import-checkpoint",
        import_checkpoint,
        FILE={
            "type": kinds.path,
            "help": "a pickled checkpoint of SM or of the authors; nothing in it is run",
        },
        out=options.OUT_DIR | {"help": "the model directory to write"},
        heads=options.POSITIVE | {"help": "attention heads"},
        group=options.POSITIVE | {"help": "G, blocks per step of the inner ODE"},
        min_length=options.POSITIVE | {"help": "the shortest allowed length"},
        image={"type": kinds.image_size, "default": (32, 32), "metavar": "HxW", "help": "size of the latent; 32x32"},
        format={"choices": ["auto", "sm", "odelt"], "default": "auto", "help": "layout of the file"},
        objective={
            "choices": list(OBJECTIVES),
            "help": f"what it was trained with; {DEFAULT_OBJECTIVE.name}",
        },
    )
    verb(
        "export",
        export,
        DIR={"type": kinds.path, "help": "a model directory"},
        format={"choices": ["sm", "odelt"], "required": True, "help": "whose code is to load it"},
        weights=options.WEIGHTS
        | {"default": "raw", "help": "which weights are its `params`, all that odelt's code evaluates; raw without"},
        out=options.OUT,
    )

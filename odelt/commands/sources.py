"""Downloads, and released checkpoints as model directories."""

import sys

from odelt.commands import kinds, options


def fetch(a):
    from odelt.sources.fetch import fetch

    fetch(
        a.name,
        registry=a.registry,
        lock=a.lock,
        out=a.out,
        by_hand=a.by_hand,
        strict=a.strict,
        proxy=a.proxy,
        certificate=a.certificate,
    )


def import_checkpoint(a):
    from odelt.sources import checkpoints

    config = checkpoints.import_checkpoint(
        a.file, a.out, heads=a.heads, group=a.group, min_length=a.min_length, image=a.image, layout=a.format
    )
    print(
        f"{a.out}: {config.depth} blocks of width {config.width}, lengths {', '.join(map(str, config.lengths))}",
        file=sys.stderr,
    )


def register(verb):
    verb(
        "fetch",
        fetch,
        "download a source, verify it and note its digest; the same command goes on after an interruption",
        NAME={"help": "its name in the registry"},
        registry=options.path(metavar="FILE", help="what can be downloaded, from where"),
        lock=options.path(metavar="FILE", help="digests of what was downloaded before"),
        out=options.OUT,
        by_hand=options.path(default=None, metavar="DIR", help="files in this folder are taken instead"),
        strict={"action": "store_true", "help": "refuse what has no known digest"},
        proxy=options.text(default=None, metavar="ADDRESS", help="instead of the one in the environment"),
        certificate=options.path(default=None, metavar="FILE", help="of the authority that the proxy's are signed by"),
    )
    verb(
        "import-checkpoint",
        import_checkpoint,
        "make a model directory from a released checkpoint",
        FILE={
            "type": options.pathlib.Path,
            "help": "a pickled checkpoint of SM or of the authors; nothing in it is run",
        },
        out=options.path(metavar="DIR", help="the model directory to write"),
        heads=options.POSITIVE | {"help": "attention heads"},
        group=options.POSITIVE | {"help": "G, blocks per step of the inner ODE"},
        min_length=options.POSITIVE | {"help": "the shortest allowed length"},
        image={"type": kinds.image_size, "default": (32, 32), "metavar": "HxW", "help": "size of the latent; 32x32"},
        format={"choices": ["auto", "sm", "odelt"], "default": "auto", "help": "layout of the file"},
    )

"""Writes the environment of each world for `snakemake --sdm conda` from its requirement file.

The lists of pins are self-contained: Snakemake copies an environment file elsewhere, where a path to another file
would lead nowhere. Run it after `requirements/*.txt` changed; a test keeps the files current.
"""

import pathlib
import re

HERE = pathlib.Path(__file__).parent
WORLDS = ("jax", "vision", "data")


def environment(world: str) -> str:
    """The conda environment of a world as YAML."""
    requirements = (HERE.parent / "requirements" / f"{world}.txt").read_text(encoding="utf-8")
    pins = re.findall(r"^([\w.-]+==[^\\\n]+?) *\\?$", requirements, flags=re.M)
    lines = "\n".join(f'      - "{pin}"' for pin in pins)
    return (
        f"# Written by generate.py from requirements/{world}.txt.\n"
        f"channels:\n  - conda-forge\n  - nodefaults\n"
        f"dependencies:\n  - python =3.11\n  - pip\n  - pip:\n{lines}\n"
    )


if __name__ == "__main__":
    for world in WORLDS:
        (HERE / f"{world}.yaml").write_text(environment(world), encoding="utf-8")

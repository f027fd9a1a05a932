"""The rehearsal: `python -m rehearsal` makes the stand-ins, answers for the network, and runs the workflow on both.

Typed again it goes on where it was, as the workflow does.
"""

import pathlib
import subprocess
import sys
import urllib.parse

from odelt import config
from rehearsal import network, world

SUITE = "rehearsal"
WORLD = pathlib.Path("results/rehearsal-world")


def main() -> int:
    downloads = config.load_suite(f"config/{SUITE}.yaml").downloads
    if not (WORLD / "whole").exists():
        world.write_world(WORLD)
        (WORLD / "whole").touch()
    port = urllib.parse.urlsplit(downloads.proxy).port
    with network.running(downloads.registry, WORLD, downloads.certificate, port=port):
        command = [sys.executable, "-m", "snakemake", "--cores", "all", *sys.argv[1:], "--config", f"suite={SUITE}"]
        return subprocess.run(command).returncode


if __name__ == "__main__":
    sys.exit(main())

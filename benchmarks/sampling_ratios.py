"""Sampling against the baseline at every combination of lengths, solvers and batches: is it ever slower?

Each combination is what `baseline.py sample` times, with `--repeats` rounds. A ratio whose upper quartile is below 1
says that the package is slower there; the JSON object counts them.
"""

import argparse
import functools
import itertools

import baseline
import sampling
from common import add_network, add_out, length_of, network_of, numbers, report, told

from odelt.commands.kinds import at_least
from odelt.evaluation.latency import device_name


def words(text: str) -> list[str]:
    return text.split(",")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_network(parser, batch=False)
    add_out(parser)
    parser.add_argument("--lengths", type=words, required=True, metavar="L,…", help="'full': the conventional path")
    parser.add_argument("--solvers", type=words, default=["euler:1", "euler:128"], metavar="euler:T,…")
    parser.add_argument("--batches", type=numbers, default=[1, 64], metavar="B,…")
    parser.add_argument("--guidance", type=float, default=1.5)
    parser.add_argument("--repeats", type=at_least(1), default=7)
    arguments = parser.parse_args()
    network = network_of(arguments)
    table = []
    for length, solver, batch in itertools.product(arguments.lengths, arguments.solvers, arguments.batches):
        one = argparse.Namespace(**vars(arguments), length=length, solver=solver, batch=batch)
        of_side = (network, length_of(one, network), sampling.setting_of(one), batch, arguments.dtype)
        make = {name: functools.partial(baseline.sample_side, name, *of_side) for name in baseline.SIDES}
        figures = baseline.compare(make, arguments.repeats, batch, network, arguments.dtype)
        same = figures.get("same_settings", {}).get("ratio")
        table.append(
            {"length": length, "solver": solver, "batch": batch, "ratio": figures["ratio"], "same_settings": same}
        )
    slower = sum(row["ratio"]["q3"] < 1 for row in table)
    report(arguments, device_name(), {"ratios": table, "slower": slower})


if __name__ == "__main__":
    told(main)

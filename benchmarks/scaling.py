"""Throughput against the batch's size and the number of devices: of training steps and of generation.

Every batch of `--batches` with every number of `--device-counts` that divides it, by the functions of train_step.py and
sampling.py. Virtual devices of a CPU share its cores: they show what sharing costs, no gain.
"""

import argparse

import floors
import placing
import sampling
import train_step
from common import add_sampling, add_training, length_of, network_of, numbers, options, report, told, training_of

from odelt.config import Latency
from odelt.evaluation.latency import device_name


def main():
    parser = options(__doc__, batch=False)
    add_training(parser)
    add_sampling(parser)
    parser.add_argument("--batches", type=numbers, default=[64, 128, 256], metavar="B,…")
    parser.add_argument("--device-counts", type=numbers, default=[1], metavar="N,…")
    arguments = parser.parse_args()
    placing.prepare(max(arguments.device_counts))
    network = network_of(arguments)
    length, setting = length_of(arguments, network), sampling.setting_of(arguments)
    table = []
    for batch in arguments.batches:
        sized = training_of(argparse.Namespace(**vars(arguments), batch=batch), "stratified")
        rates = floors.rates(network, batch, arguments.dtype)
        for count in arguments.device_counts:
            if batch % count:
                continue
            place = placing.on(count)
            share = placing.sharing_one_machine(place)
            timing = Latency(batch_size=batch, repeats=arguments.repeats)
            of_work = {
                "training": train_step.measure(network, sized, place),
                "sampling": sampling.on_devices(network, length, setting, timing, arguments.dtype, place),
            }
            for work, figures in of_work.items():
                moved = figures.pop("bytes_moved")
                floor = floors.floor(figures["flops"], moved, rates, figures["seconds"]["median"], share)
                table.append({"work": work, "batch": batch, "devices": count, **figures, **floor})
    report(arguments, device_name(), {"table": table})


if __name__ == "__main__":
    told(main)

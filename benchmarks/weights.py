"""How much memory the weights of a shorter model take: bytes that `odelt.load_model` holds at each length."""

import pathlib
import tempfile

import jax
import placing
from common import network_of, options, report, seconds, told
from floors import nbytes

import odelt
from odelt.config import Length, Network
from odelt.evaluation.latency import device_name
from odelt.model.weights import initial_weights, save_model


def measure(network: Network, dtype: str) -> list[dict]:
    """For each length, and for all blocks: bytes of the blocks' weights, of all weights, and seconds of loading."""
    raw = jax.device_get(initial_weights(network, 0, length_table=True))
    table = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name, "model")
        save_model(folder, network, raw=raw, ema=raw)
        for length in (*network.lengths, None):
            loaded: list = []
            took = seconds(
                lambda length=length, loaded=loaded: loaded.append(
                    jax.block_until_ready(odelt.load_model(folder, "ema", dtype, length=length).weights)
                )
            )
            table.append(
                {
                    "length": Length(length).cell,
                    "effective_blocks": network.effective_blocks(length),
                    "block_bytes": nbytes(loaded[0]["blocks"]),
                    "bytes": nbytes(loaded[0]),
                    "seconds": took,
                }
            )
    return table


def main():
    arguments = options(__doc__).parse_args()
    placing.prepare(1)
    network = network_of(arguments)
    table = measure(network, arguments.dtype)
    shortest, longest = table[0], table[-2]
    ratio = longest["block_bytes"] / shortest["block_bytes"]
    blocks = longest["effective_blocks"] / shortest["effective_blocks"]
    report(arguments, device_name(), {"table": table, "bytes_ratio": ratio, "blocks_ratio": blocks})


if __name__ == "__main__":
    told(main)

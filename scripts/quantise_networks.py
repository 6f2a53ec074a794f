"""Quantises small networks of ours to tests/networks/int8 and int16, for the oracle to run.

    python scripts/quantise_networks.py [int16]
    python scripts/record_oracle.py models   # in the oracle's own environment

The files are committed because float sums, and with them the last bit of a scale, may differ from
machine to machine; what a build makes of a file may not.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from edgegen.export.tflite import write  # noqa: E402
from edgegen.ir import Graph  # noqa: E402
from edgegen.ir.types import Array  # noqa: E402
from edgegen.pipeline import load_model, read_graph  # noqa: E402
from edgegen.quantise.convert import WeightOptions  # noqa: E402
from edgegen.quantise.quantise import Settings, quantise  # noqa: E402
from tests.quantise import networks  # noqa: E402
from tests.support.networks import digits, network_file, samples  # noqa: E402

FOLDER = ROOT / "tests" / "networks" / "int8"
WIDE_FOLDER = ROOT / "tests" / "networks" / "int16"
COUNT = 64
TRAINED = {
    "cnn1d": "cnn1d_torchscript",
    "digits": "digits",
    "ds_cnn": "ds_cnn_dynamo",
    "mlp": "mlp_dynamo",
    "mobilenet_v2": "mobilenet_v2_torchscript",
    "mobilenet_v3": "mobilenet_v3_dynamo",
    "resnet": "resnet_dynamo",
    "unet": "unet_torchscript",
}
"""Networks of tests/networks and the files they are read from."""
DENSE_PER_CHANNEL = ("small",)
WIDE = {
    "small_all": ("small", ("all",)),
    "small_mixed": ("small", ("conv2d", "softmax")),
    "forks_all": ("forks", ("all",)),
    "digits_all": ("digits", ("all",)),
    "digits_mixed": ("digits", ("fully_connected", "0")),
    "mobilenet_v3_all": ("mobilenet_v3", ("all",)),
}
"""Networks with int16 activations, and which of their operators have them."""


def trained(network: str, stem: str) -> tuple[Graph, Array]:
    """A trained network and samples of its input, [COUNT, ...]."""
    graph = read_graph(load_model(network_file(stem)), network)
    if network == "digits":
        return graph, digits().train[:COUNT]
    return graph, samples(network, "calibration", COUNT)[0]


def write_int8(name: str, graph: Graph, inputs: Sequence[dict[str, Array]]) -> None:
    """Quantises one network and writes its file."""
    weights = WeightOptions(per_channel_dense=name in DENSE_PER_CHANNEL)
    made = quantise(graph, inputs, Settings(weights=weights))
    path = FOLDER / f"{name}_int8.tflite"
    path.write_bytes(write(made.graph))
    print(f"{path.name}: {path.stat().st_size} bytes, {made.recipe}")


def write_int16(name: str, layers: tuple[str, ...], network: Network) -> None:
    """Quantises one network with layers on int16 and writes its file."""
    settings = Settings(observer="minmax", equalise=False, int16=layers)
    made = quantise(*network, settings)
    path = WIDE_FOLDER / f"{name}_int16.tflite"
    path.write_bytes(write(made.graph))
    print(f"{path.name}: {path.stat().st_size} bytes, {made.recipe}")


Network = tuple[Graph, list[dict[str, Array]]]


def sampled(name: str) -> Network:
    """A network and samples of its inputs."""
    if name not in TRAINED:
        graph = networks.small_cnn() if name == "small" else networks.forks()
        return graph, networks.samples(graph, COUNT)
    graph, inputs = trained(name, TRAINED[name])
    (port,) = graph.inputs
    shape = graph.tensor(port).type.shape
    return graph, [{port: x.reshape(shape)} for x in inputs]


def main() -> None:
    """Writes all files, or with `int16` those with int16 only."""
    FOLDER.mkdir(exist_ok=True)
    WIDE_FOLDER.mkdir(exist_ok=True)
    for name in () if sys.argv[1:] == ["int16"] else (*TRAINED, "small", "forks"):
        write_int8(name, *sampled(name))
    for name, (network, layers) in WIDE.items():
        write_int16(name, layers, sampled(network))


if __name__ == "__main__":
    main()

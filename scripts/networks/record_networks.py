"""Makes tests/networks: trains the networks, exports and quantises them, records onnxruntime.

Run with an interpreter that has scripts/networks/requirements.txt:

    python scripts/networks/record_networks.py                  # everything, a few minutes
    python scripts/networks/record_networks.py ds_cnn digits    # these networks only
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnxruntime  # noqa: E402
import torch  # noqa: E402
from architectures import ARCHITECTURES  # noqa: E402
from exporting import EXPORTERS, export  # noqa: E402
from quantising import STYLES, quantise  # noqa: E402
from torch import nn  # noqa: E402
from torchao_export import quantise_torchao  # noqa: E402
from training import ProbabilityLoss, train  # noqa: E402

from tests.support.data import Array  # noqa: E402
from tests.support.networks import (  # noqa: E402
    DIGITS,
    FLOAT_OUTPUTS,
    NETWORKS,
    QUANTISED_OUTPUTS,
    TASKS,
    Recorded,
    crc,
    digits,
    network_file,
    recordings,
    samples,
    write_recordings,
)

SEED = 1
TRAINING, TESTING, CALIBRATION = 3072, 500, 64
FLOAT_INPUTS = 8
EPOCHS = {"digits": 30, "unet": 3, "cnn1d": 10, "mobilenet_v3": 6}
OPSETS = {
    "ds_cnn": (11, 18),
    "mobilenet_v2": (13, 18),
    "mobilenet_v3": (16, 18),
    "resnet": (14, 20),
    "mlp": (12, 18),
    "cnn1d": (15, 21),
    "unet": (17, 22),
}
"""Of both exporters; the newer one starts at 18."""
SYMBOLIC_BATCH = {"ds_cnn", "resnet", "mlp", "unet"}
QUANTISED = {
    "ds_cnn": ("dynamo", *STYLES),
    "mobilenet_v2": ("torchscript", *STYLES),
    "resnet": ("dynamo", *STYLES),
    "mlp": ("dynamo", "qdq_channel_int8", "qoperator_channel_uint8"),
    "cnn1d": ("torchscript", "qdq_channel_int8", "qoperator_channel_uint8"),
    "unet": ("torchscript", "qdq_channel_int8", "qoperator_channel_uint8"),
}
"""Networks that onnxruntime quantises: from which export, in which styles."""
QUANTISED_INPUTS = {"unet": 25}
"""Recorded inferences where the outputs are large; else as many as there are test samples."""
TORCHAO = ("ds_cnn", "mobilenet_v2")


def trained(network: str) -> nn.Module:
    """The trained network; prints how good it is."""
    torch.manual_seed(SEED)
    module = ARCHITECTURES[network]()
    if network == "digits":
        split = digits()
        x, y, test, labels = split.train, split.train_labels, split.test, split.test_labels
    else:
        x, y = samples(network, "train", TRAINING)
        test, labels = samples(network, "test", TESTING)
    loss: nn.Module = nn.CrossEntropyLoss()
    if network == "unet":
        loss, y = nn.BCELoss(), y.astype(np.float32)
    elif network == "mlp":
        loss = ProbabilityLoss()
    train(module, x, y, loss, EPOCHS.get(network, 4))
    with torch.no_grad():
        output = module(torch.from_numpy(test)).numpy()
    guess = output > 0.5 if network == "unet" else output.argmax(1)
    print(f"{network}: accuracy {np.mean(guess == labels):.4f}", flush=True)
    return module


def run(path: Path, inputs: Array) -> Array:
    """What a default session of onnxruntime computes for inputs [n, ...]: outputs [n, ...]."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    outputs = [session.run(None, {"input": x[None]})[0][0] for x in inputs]
    return np.stack(outputs)


def recorded(network: str, stem: str, inputs: Array, outputs: Array, **params: Any) -> Recorded:
    """A recording of one file on inputs of the test split."""
    crcs = crc(network_file(stem).read_bytes()), crc(inputs.tobytes())
    return Recorded(network, "test", outputs, *crcs, **params)


def record_float(network: str, stem: str) -> Recorded:
    """Of one float file."""
    inputs = digits().test if network == "digits" else samples(network, "test", FLOAT_INPUTS)[0]
    inputs = inputs[:FLOAT_INPUTS]
    return recorded(network, stem, inputs, run(network_file(stem), inputs))


def last_scale(path: Path) -> tuple[float, Array]:
    """Scale and zero point of the DequantizeLinear that gives the output."""
    graph = onnx.load(path).graph
    (last,) = (n for n in graph.node if n.output[0] == graph.output[0].name)
    if last.op_type != "DequantizeLinear":
        raise ValueError(f"{path.name} ends in {last.op_type}")
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    return float(constants[last.input[1]]), constants[last.input[2]]


def record_quantised(network: str, stem: str) -> Recorded:
    """Of one quantised file: the integers behind its float outputs."""
    path = network_file(stem)
    inputs, _ = samples(network, "test", QUANTISED_INPUTS.get(network, TESTING))
    outputs = run(path, inputs)
    scale, zero = last_scale(path)
    integers = np.rint(outputs / np.float32(scale)) + zero
    if not np.array_equal(((integers - zero) * scale).astype(np.float32), outputs):
        raise ValueError(f"{stem}: outputs are no multiples of {scale}")
    integers = integers.astype(zero.dtype)
    return recorded(network, stem, inputs, integers, scale=scale, zero_point=int(zero))


def make(network: str) -> tuple[dict[str, Recorded], dict[str, Recorded]]:
    """Trains, exports, quantises and records one network."""
    module = trained(network)
    if network == "digits":
        example = (torch.zeros(1, 1, 8, 8),)
        export(module, example, network_file("digits"), exporter="torchscript", opset=17)
        return {"digits": record_float("digits", "digits")}, {}
    floats = {}
    for exporter, opset in zip(EXPORTERS, OPSETS[network], strict=True):
        stem = f"{network}_{exporter}"
        export(
            module,
            (torch.zeros(1, *TASKS[network].shape),),
            network_file(stem),
            exporter=exporter,
            opset=opset,
            symbolic_batch=network in SYMBOLIC_BATCH,
        )
        floats[stem] = record_float(network, stem)
    quantised = {}
    if network in QUANTISED:
        calibration, _ = samples(network, "calibration", CALIBRATION)
        chosen, *styles = QUANTISED[network]
        for style in styles:
            stem = f"{network}_{style}"
            source = network_file(f"{network}_{chosen}")
            quantise(source, network_file(stem), STYLES[style], calibration)
            quantised[stem] = record_quantised(network, stem)
    if network in TORCHAO:
        stem = f"{network}_torchao"
        quantise_torchao(
            module, network_file(stem), samples(network, "calibration", CALIBRATION)[0]
        )
        quantised[stem] = record_quantised(network, stem)
    return floats, quantised


def write_digits() -> None:
    """Keeps scikit-learn's copy of the digits in a file of ours."""
    from sklearn.datasets import load_digits

    data = load_digits()
    np.savez_compressed(
        DIGITS, images=data.images.astype(np.uint8), labels=data.target.astype(np.uint8)
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", help="default: all")
    names = parser.parse_args().networks or list(ARCHITECTURES)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    NETWORKS.mkdir(exist_ok=True)
    if "digits" in names and not DIGITS.exists():
        write_digits()
    floats = dict(recordings(FLOAT_OUTPUTS)) if FLOAT_OUTPUTS.exists() else {}
    quantised = dict(recordings(QUANTISED_OUTPUTS)) if QUANTISED_OUTPUTS.exists() else {}
    for network in names:
        new_floats, new_quantised = make(network)
        floats |= new_floats
        quantised |= new_quantised
    write_recordings(FLOAT_OUTPUTS, floats)
    write_recordings(QUANTISED_OUTPUTS, quantised)


if __name__ == "__main__":
    main()

"""Train the autoencoder in float and export it; `edgegen quantize` makes the int8 model from that.

It learns to reproduce the spectra of the healthy machine alone, through a waist of eight values;
what it reproduces badly is unusual. Run in `firmware_examples`, in an environment with
`requirements-train.txt`: ``python -m vibration_anomaly.train --work FOLDER``. FOLDER gets
`vibration_anomaly.onnx` and calibration samples.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn

from vibration_anomaly import data, features

SEED = 11
EPOCHS = 120
BATCH = 64
LEARNING_RATE = 3e-3
CALIBRATION = 1000


def network() -> nn.Module:
    """From 48 bands over 8 values back to 48 bands."""
    return nn.Sequential(
        nn.Linear(features.BANDS, 32),
        nn.ReLU(),
        nn.Linear(32, 8),
        nn.ReLU(),
        nn.Linear(8, 32),
        nn.ReLU(),
        nn.Linear(32, features.BANDS),
    )


def real(windows: np.ndarray) -> torch.Tensor:
    """The float network's input."""
    scaled = (windows.astype(np.float32) - features.INPUT_ZERO_POINT) * features.INPUT_SCALE
    return torch.from_numpy(scaled.astype(np.float32))


def train(model: nn.Module, inputs: torch.Tensor) -> None:
    """Fit with Adam and a learning rate that falls to zero along half a cosine."""
    optimiser = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    steps = EPOCHS * -(-len(inputs) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for epoch in range(EPOCHS):
        total = 0.0
        for chosen in torch.randperm(len(inputs)).split(BATCH):
            optimiser.zero_grad()
            loss = nn.functional.mse_loss(model(inputs[chosen]), inputs[chosen])
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() * len(chosen)
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: mean square error {total / len(inputs):.5f}")


def calibration(inputs: np.ndarray) -> np.ndarray:
    """Healthy spectra, and as one in ten, some with a few bands at the limits of the input.

    The quantised network then has room for what a fault does to the spectrum, and its input has
    exactly the unit of the features.
    """
    rng = np.random.default_rng(SEED)
    limits = (np.array([-128, 127]) - features.INPUT_ZERO_POINT) * features.INPUT_SCALE
    extreme = inputs[: CALIBRATION // 10].copy()
    for window in extreme:
        window[rng.choice(features.BANDS, 4, replace=False)] = rng.permutation(np.repeat(limits, 2))
    return np.concatenate([inputs, extreme])


def main() -> None:
    """Make the data, train, export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for what is made")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    inputs = real(data.healthy(data.TRAIN))
    validation = real(data.healthy(data.VALIDATION))
    model = network()
    train(model, inputs)
    with torch.no_grad():
        error = nn.functional.mse_loss(model(validation), validation).item()
    print(f"validation: mean square error {error:.5f}")
    chosen = torch.randperm(len(inputs))[:CALIBRATION]
    np.savez(options.work / "calibration.npz", input=calibration(inputs[chosen].numpy()))
    torch.onnx.export(
        model,
        (inputs[:1],),
        options.work / "vibration_anomaly.onnx",
        dynamo=False,
        opset_version=17,
        input_names=["input"],
        output_names=["output"],
    )


if __name__ == "__main__":
    main()

"""Train the network in float and export it; `edgegen quantize` makes the int8 model from that.

Run in `firmware_examples`, in an environment with `requirements-train.txt`:
``python -m gesture_detection.train --work FOLDER``. FOLDER gets `gesture_detection.onnx`,
calibration samples, and the float accuracy on the test split.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

from gesture_detection import data, features, motion

SEED = 7
EPOCHS = 20
BATCH = 128
LEARNING_RATE = 4e-3
CALIBRATION = 500


def network() -> nn.Module:
    """Convolutions over time; the first reads all three axes at once."""

    def block(inputs: int, outputs: int, kernel: tuple[int, int], stride: int) -> list[nn.Module]:
        convolution = nn.Conv2d(inputs, outputs, kernel, stride=(stride, 1), bias=False)
        return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]

    return nn.Sequential(
        *block(1, 16, (5, features.AXES), 2),
        *block(16, 24, (5, 1), 2),
        *block(24, 32, (5, 1), 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, len(motion.LABELS)),
        nn.Softmax(dim=1),
    )


def real(windows: np.ndarray) -> torch.Tensor:
    """The float network's input: acceleration in g."""
    scaled = (windows.astype(np.float32) - features.INPUT_ZERO_POINT) * features.INPUT_SCALE
    return torch.from_numpy(scaled.astype(np.float32))


def train(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> None:
    """Fit with Adam and a learning rate that falls to zero along half a cosine."""
    optimiser = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    steps = EPOCHS * -(-len(labels) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for epoch in range(EPOCHS):
        total = 0.0
        for chosen in torch.randperm(len(labels)).split(BATCH):
            optimiser.zero_grad()
            logarithm = torch.log(model(inputs[chosen]) + 1e-9)
            loss = nn.functional.nll_loss(logarithm, labels[chosen])
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() * len(chosen)
        print(f"epoch {epoch + 1}: loss {total / len(labels):.4f}")


def accuracy(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of the windows whose most probable label is right."""
    with torch.no_grad():
        return float((model(inputs).argmax(1) == labels).float().mean())


def main() -> None:
    """Make the data, train, export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for what is made")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    splits = {
        split.name: (real(windows), torch.from_numpy(labels))
        for split in (data.TRAIN, data.VALIDATION, data.TEST)
        for windows, labels in [data.make(split)]
    }
    model = network()
    train(model.train(), *splits["train"])
    model.eval()
    scores = {name: round(accuracy(model, *splits[name]), 4) for name in ("validation", "test")}
    print(scores)
    (options.work / "float_scores.json").write_text(json.dumps(scores))
    inputs = splits["train"][0]
    chosen = torch.randperm(len(inputs))[:CALIBRATION]
    np.savez(options.work / "calibration.npz", input=inputs[chosen].numpy())
    torch.onnx.export(
        model,
        (inputs[:1],),
        options.work / "gesture_detection.onnx",
        dynamo=False,
        opset_version=17,
        input_names=["input"],
        output_names=["output"],
    )


if __name__ == "__main__":
    main()

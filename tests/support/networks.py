"""Small networks of our own (tests/networks), their inputs, and other runtimes' recorded outputs.

Inputs are made, not stored: `samples` gives the same float32 values under every numpy version.
"""

from __future__ import annotations

import functools
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.support.data import Array, integers
from tests.support.oracle import write_archive

NETWORKS = Path(__file__).parents[1] / "networks"
FLOAT_OUTPUTS = NETWORKS / "float_outputs.npz"
QUANTISED_OUTPUTS = NETWORKS / "quantised_outputs.npz"
DIGITS = NETWORKS / "digits.npz"
SHIFT = 2
"""Samples are rolled by at most this many elements along every axis."""


@dataclass(frozen=True)
class Task:
    """What a network is trained on.

    A class is a coarse random pattern; a sample is the pattern of its class, moved, scaled and
    buried in noise. With `segments` the target is instead a mask of two rectangles.

    Attributes:
        shape: of one input without the batch: channels, then space.
        coarse: extent of a pattern along each spatial axis before it is enlarged.
        classes: number of classes.
        noise: largest amplitude of each of two summed uniform noises, in 128ths.
        moves: whether patterns are rolled along the spatial axes.
        segments: whether the target is a mask.
    """

    shape: tuple[int, ...]
    coarse: tuple[int, ...]
    classes: int
    noise: int
    moves: bool = True
    segments: bool = False


TASKS: Mapping[str, Task] = {
    "ds_cnn": Task((1, 49, 10), (12, 5), 10, 180),
    "mobilenet_v2": Task((3, 32, 32), (8, 8), 8, 220),
    "mobilenet_v3": Task((3, 32, 32), (8, 8), 8, 220),
    "resnet": Task((3, 32, 32), (8, 8), 8, 220),
    "mlp": Task((4, 8), (8,), 4, 200, moves=False),
    "cnn1d": Task((2, 128), (32,), 6, 140),
    "unet": Task((1, 32, 32), (), 2, 100, segments=True),
}
"""By network."""


def samples(network: str, split: str, count: int) -> tuple[Array, Array]:
    """Inputs for a network, and what it should say.

    Args:
        network: a key of `TASKS`.
        split: any word: another word gives other samples of the same classes.
        count: number of samples.

    Returns:
        float32 inputs [count, channels, ...space], all multiples of 1/128; and int64 labels
        [count], or for segmentation a mask [count, 1, ...space] of zeros and ones.
    """
    task = TASKS[network]
    key = f"{network}/{split}"
    shape = (count, *task.shape)
    noise = sum(
        integers(f"{key}/noise{i}", shape, -task.noise, task.noise, "int64") for i in (0, 1)
    )
    if task.segments:
        target = _masks(key, shape)
        signal = 160 * target
    else:
        target = integers(f"{key}/labels", (count,), 0, task.classes - 1, "int64")
        signal = _patterns(network, task)[target]
        if task.moves:
            signal = _rolled(signal, key)
        gain_shape = (count, *(1 for _ in task.shape))
        signal = signal * integers(f"{key}/gain", gain_shape, 24, 40, "int64")
    return ((signal + noise) / 128).astype(np.float32), target


def _patterns(network: str, task: Task) -> Array:
    """One pattern for each class, enlarged to the input's size: [classes, channels, ...space]."""
    channels, *space = task.shape
    coarse = integers(f"{network}/patterns", (task.classes, channels, *task.coarse), -8, 8, "int64")
    for axis, (large, small) in enumerate(zip(space, task.coarse, strict=True), start=2):
        coarse = np.take(coarse, np.arange(large) * small // large, axis=axis)
    return coarse


def _rolled(signal: Array, key: str) -> Array:
    """Each sample rolled along every spatial axis by an amount of its own."""
    for axis in range(2, signal.ndim):
        moves = integers(f"{key}/move{axis}", (len(signal),), -SHIFT, SHIFT, "int64")
        index = (np.arange(signal.shape[axis]) - moves[:, None]) % signal.shape[axis]
        wide = index.reshape(len(signal), *(-1 if a == axis else 1 for a in range(1, signal.ndim)))
        signal = np.take_along_axis(signal, wide, axis=axis)
    return signal


def _masks(key: str, shape: Sequence[int]) -> Array:
    """Unions of two rectangles whose sides are a quarter to a half of the image."""
    count, _, height, width = shape
    mask = np.zeros((count, 1, height, width), np.int64)
    for which in ("first", "second"):
        inside = []
        for side, extent in (("rows", height), ("columns", width)):
            start = integers(f"{key}/{which}/{side}", (count, 1), 0, extent // 2, "int64")
            length = integers(
                f"{key}/{which}/{side}/n", (count, 1), extent // 4, extent // 2, "int64"
            )
            index = np.arange(extent)
            inside.append((index >= start) & (index < start + length))
        rows, columns = inside
        mask[:, 0] |= rows[:, :, None] & columns[:, None, :]
    return mask


@dataclass(frozen=True, eq=False)
class Recorded:
    """What another runtime made of a network.

    Attributes:
        network: key of `TASKS`.
        split: which samples.
        outputs: [inferences, ...]: float32, or the integers before the last DequantizeLinear.
        scale: of those integers; 0 for float.
        zero_point: of those integers.
        crc: CRC-32 of the model file.
        inputs_crc: CRC-32 of the inputs.
    """

    network: str
    split: str
    outputs: Array
    crc: int
    inputs_crc: int
    scale: float = 0.0
    zero_point: int = 0

    @property
    def inputs(self) -> Array:
        """The float32 inputs [inferences, channels, ...space].

        Raises:
            ValueError: they are not those that were recorded.
        """
        count = len(self.outputs)
        inputs = (
            digits().test[:count]
            if self.network == "digits"
            else samples(self.network, self.split, count)[0]
        )
        if crc(inputs.tobytes()) != self.inputs_crc:
            raise ValueError(f"inputs of {self.network} are not those that were recorded")
        return inputs


@functools.cache
def recordings(path: Path) -> Mapping[str, Recorded]:
    """All recordings of a file by the stem of the model file."""
    with np.load(path) as archive:
        index = json.loads(archive["index"].tobytes())
        return {
            stem: Recorded(
                entry["network"],
                entry["split"],
                np.frombuffer(archive[stem].tobytes(), entry["dtype"]).reshape(entry["shape"]),
                entry["crc"],
                entry["inputs_crc"],
                entry["scale"],
                entry["zero_point"],
            )
            for stem, entry in index.items()
        }


def write_recordings(path: Path, recorded: Mapping[str, Recorded]) -> None:
    """Writes recordings, sorted by stem."""
    index = {
        stem: {
            "network": r.network,
            "split": r.split,
            "dtype": r.outputs.dtype.name,
            "shape": list(r.outputs.shape),
            "scale": r.scale,
            "zero_point": r.zero_point,
            "crc": r.crc,
            "inputs_crc": r.inputs_crc,
        }
        for stem, r in sorted(recorded.items())
    }
    members = {"index": json.dumps(index, separators=(",", ":")).encode()}
    members |= {stem: recorded[stem].outputs.tobytes() for stem in index}
    write_archive(path, members)


def network_file(stem: str) -> Path:
    """The .onnx file of a recording."""
    return NETWORKS / f"{stem}.onnx"


def crc(content: bytes) -> int:
    """CRC-32, by which a recording knows its model and its inputs."""
    return zlib.crc32(content)


@dataclass(frozen=True, eq=False)
class Digits:
    """The digits data set, split for training and testing.

    Attributes:
        train: float32 images [n, 1, 8, 8], values k/16.
        train_labels: int64 [n].
        test: like `train`, [m, 1, 8, 8].
        test_labels: int64 [m].
    """

    train: Array
    train_labels: Array
    test: Array
    test_labels: Array


@functools.cache
def digits() -> Digits:
    """The committed copy: three of four images train, in the data set's order."""
    with np.load(DIGITS) as archive:
        images, labels = archive["images"].reshape(-1, 1, 8, 8), archive["labels"]
    values = (images / 16).astype(np.float32)
    held_out = np.arange(len(values)) % 4 == 3
    classes = labels.astype(np.int64)
    return Digits(values[~held_out], classes[~held_out], values[held_out], classes[held_out])

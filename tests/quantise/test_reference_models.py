"""The reference models: our int8 against float and against the int8 files that came with them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from edgegen.ir import Graph
from edgegen.ir.types import Array
from edgegen.pipeline import load_model, read_graph
from edgegen.quantise.layers import Float32, dequantised
from edgegen.quantise.measure import Measurement, mean_sqnr, measure
from edgegen.quantise.model import Outcome, Request, quantise_model
from edgegen.quantise.observe import Sample
from edgegen.quantise.observers import Range, real_range
from tests.support.models import shared_folder


def shared(path: str) -> Path:
    found = shared_folder() / path
    if not found.exists():
        pytest.skip(f"{found.name} is not in the shared folder (set EDGEGEN_SHARED)")
    return found


@dataclass(frozen=True)
class Twins:
    """A float model and the int8 file that its makers give."""

    real: Graph
    integer: Graph

    @property
    def input(self) -> str:
        return self.real.inputs[0]

    @property
    def limits(self) -> Range:
        """What the int8 file's input can represent."""
        quant = self.integer.tensor(self.integer.inputs[0]).type.quant
        assert quant is not None
        return real_range(quant)

    def official(self, samples: Sequence[Sample], labels: Array | None = None) -> Measurement:
        names = dict(zip(self.real.inputs, self.integer.inputs, strict=True))
        names |= dict(zip(self.real.outputs, self.integer.outputs, strict=True))
        return measure(self.real, self.integer, samples, labels, names)


def twins(name: str) -> Twins:
    files = [shared(f"models/{name}_{kind}.tflite") for kind in ("float32", "int8")]
    return Twins(*(read_graph(load_model(f), name) for f in files))


def quantised(pair: Twins, folder: Path, inputs: Float32) -> Outcome:
    np.savez(folder / "calibration.npz", inputs=inputs)
    return quantise_model(pair.real, Request(folder / "calibration.npz"))


def as_samples(pair: Twins, inputs: Float32) -> list[Sample]:
    shape = pair.real.tensor(pair.input).type.shape
    return [{pair.input: x.reshape(shape)} for x in inputs]


def test_keywords_are_recognised_as_well_as_by_the_official_file(tmp_path: Path) -> None:
    """Calibrated on half of the real inputs, tested on the other half."""
    pair = twins("kws_ref_model")
    with np.load(shared("data/kws01_200.npz")) as archive:
        integers, labels = archive["inputs"], archive["labels"][1::2]
    quant = pair.integer.tensor(pair.integer.inputs[0]).type.quant
    assert quant is not None
    inputs = dequantised(integers, quant)
    start = time.process_time()
    made = quantised(pair, tmp_path, inputs[0::2])
    seconds = time.process_time() - start
    assert seconds < 20
    test = as_samples(pair, inputs[1::2])
    official = pair.official(test, labels)
    ours = measure(pair.real, made.made.graph, test, labels)
    assert official.accuracy is not None
    assert ours.accuracy is not None
    # `pytest -s` shows the figures.
    print(f"kws: {seconds:.1f} s, accuracy {ours.accuracy[1]}, official {official.accuracy[1]}")
    assert ours.accuracy[1] >= official.accuracy[1] - 0.01
    assert mean_sqnr(pair.real.outputs, ours) >= mean_sqnr(pair.real.outputs, official) - 0.5


def images(shape: Sequence[int], limits: Range, count: int, seed: int) -> Float32:
    """Blotches of colour and noise, [count, height, width, channels]."""
    random = np.random.default_rng(seed)
    height, width, channels = shape[1:]
    coarse = random.normal(size=(count, height // 8, width // 8, channels))
    smooth = coarse.repeat(8, axis=1).repeat(8, axis=2)
    noise = random.normal(size=(count, height, width, channels))
    shades = np.clip(0.5 + 0.25 * smooth + 0.08 * noise, 0, 1)
    low, high = limits
    return np.asarray(low + (high - low) * shades, np.float32)


def spectra(limits: Range, count: int, seed: int) -> Float32:
    """Five frames of 128 bands in decibel, each wandering from its neighbour, [count, 640]."""
    random = np.random.default_rng(seed)
    steps = random.normal(size=(count, 5, 128)).cumsum(axis=2) / 10
    level = 2 * random.normal(size=(count, 1, 1)) - 2
    low, high = limits
    decibel = (low + high) / 2 + 5 * (steps + level)
    return np.asarray(np.clip(decibel, low, high).reshape(count, 640), np.float32)


@pytest.mark.parametrize(("name", "count"), [("resnet8", 24), ("vww_96", 16), ("ad01", 48)])
def test_output_noise_is_no_higher_than_the_official_files(
    name: str, count: int, tmp_path: Path
) -> None:
    pair = twins(name)
    if name == "ad01":
        inputs = spectra(pair.limits, 2 * count, 5)
    else:
        shape = pair.real.tensor(pair.input).type.shape
        inputs = images(shape, pair.limits, 2 * count, 5)
    made = quantised(pair, tmp_path, inputs[:count])
    test = as_samples(pair, inputs[count:])
    names = {n: n for n in (*pair.real.inputs, *pair.real.outputs)}
    ours = mean_sqnr(pair.real.outputs, measure(pair.real, made.made.graph, test, names=names))
    official = mean_sqnr(pair.real.outputs, pair.official(test))
    print(f"{name}: {ours:.1f} dB, official {official:.1f}")
    assert ours >= official - 0.5

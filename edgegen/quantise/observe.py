"""Runs a float graph on samples and keeps what quantisation needs to know of every activation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgegen.errors import InputError, Problem
from edgegen.ir import DType, Graph
from edgegen.ir.types import Array
from edgegen.quantise.histogram import Histogram
from edgegen.quantise.layers import Float64, limitless_pads
from edgegen.quantise.progress import Track, silent
from edgegen.verify.reference import evaluate

Sample = Mapping[str, Array]


@dataclass
class Observed:
    """What was seen of one tensor.

    Attributes:
        histogram: of all its values.
        largest: largest magnitude for each index of the last dimension, float64 [channels].
    """

    histogram: Histogram = field(default_factory=Histogram)
    largest: Float64 = field(default_factory=lambda: np.zeros(0))

    def add(self, values: Array) -> None:
        """Takes one sample's values."""
        self.histogram.add(values)
        channels = values.shape[-1] if values.ndim else 1
        peak = np.abs(values.reshape(-1, channels).astype(np.float64)).max(axis=0)
        self.largest = np.maximum(self.largest, peak) if len(self.largest) else peak


def observe(
    graph: Graph, samples: Sequence[Sample], track: Track = silent, title: str = "calibrating"
) -> dict[str, Observed]:
    """Observes every float activation, graph inputs included, on all samples.

    Raises:
        InputError: the network gives something that is not a finite number.
    """
    pads = limitless_pads(graph)
    floats = [t.name for t in graph.activations() if t.type.dtype is DType.FLOAT32]
    found = {name: Observed() for name in floats if name not in pads}
    for number, sample in enumerate(track(samples, title)):
        for name, values in evaluate(graph, sample).items():
            if name not in found:
                continue
            if not np.isfinite(values).all():
                raise InputError(
                    Problem(
                        f"sample {number} makes tensor {name!r} infinite or not a number",
                        hint="check the values and units of the samples, and the model's weights",
                    )
                )
            found[name].add(values)
    for name, source in pads.items():
        found[name] = found[source]
    return found

"""How far an int8 graph is from the float graph that it came from, tensor by tensor."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgegen.ir import DType, Graph, QuantParams
from edgegen.ir.types import Array
from edgegen.quantise.layers import Float64, dequantised, limitless_pads, quantised
from edgegen.quantise.observe import Sample
from edgegen.quantise.observers import real_range
from edgegen.quantise.progress import Track, silent
from edgegen.verify.reference import evaluate

HIGHEST = 200.0
"""What an infinite SQNR counts for in a mean, in dB."""


@dataclass
class Error:
    """The error of one tensor over all samples.

    Attributes:
        signal: sum of the squares of the float values.
        noise: sum of the squares of the differences.
        count: number of values.
        clipped: how many float values are more than half a step outside what their image can hold.
        low: smallest float value.
        high: largest float value.
        products: for each channel (index of the last dimension) the sums of float value squared,
            float times int8, and int8 squared, float64 [3, channels].
    """

    signal: float = 0.0
    noise: float = 0.0
    count: int = 0
    clipped: int = 0
    low: float = math.inf
    high: float = -math.inf
    products: Float64 = field(default_factory=lambda: np.zeros((3, 0)))

    @property
    def sqnr(self) -> float:
        """Signal to quantisation noise ratio in dB; infinite without noise."""
        if self.noise == 0:
            return math.inf
        return 10 * math.log10(self.signal / self.noise) if self.signal else -math.inf

    @property
    def fitted_sqnr(self) -> float:
        """SQNR in dB after the best positive gain for each channel.

        Above `sqnr` by far where a converter rescaled channels (cross-layer equalisation), which
        the next layer undoes.
        """
        real, cross, image = self.products
        explained = np.maximum(cross, 0.0) ** 2 / np.where(image > 0, image, 1.0)
        noise = float(np.sum(np.maximum(real - explained, 0.0)))
        if noise == 0:
            return math.inf
        return 10 * math.log10(self.signal / noise) if self.signal else -math.inf

    @property
    def clipped_share(self) -> float:
        """Share of values that are clipped."""
        return self.clipped / self.count if self.count else 0.0

    def add(
        self,
        real: Array,
        image: Array,
        quant: QuantParams | None,
        dtype: DType = DType.INT8,
    ) -> None:
        """Takes one sample: float values and their integer image, as real values."""
        values, other = real.astype(np.float64), image.astype(np.float64)
        self.signal += float(np.sum(values * values))
        self.noise += float(np.sum((values - other) ** 2))
        rows = (values * values, values * other, other * other)
        channels = values.shape[-1] if values.ndim else 1
        sums = np.stack([r.reshape(-1, channels).sum(axis=0) for r in rows])
        self.products = self.products + sums if self.products.size else sums
        self.count += values.size
        self.low = min(self.low, float(values.min()))
        self.high = max(self.high, float(values.max()))
        if quant is not None:
            low, high = real_range(quant, dtype)
            half = quant.scale / 2
            outside = (values < low - half) | (values > high + half)
            self.clipped += int(np.count_nonzero(outside))


@dataclass(frozen=True)
class Measurement:
    """The comparison of a float graph with its int8 form.

    Attributes:
        errors: by the float graph's tensor name, in execution order.
        samples: number of inferences.
        agreement: share of them whose largest output is the same; None for other than one output.
        accuracy: share whose largest output is the label's class, for float and for int8; None
            without labels.
    """

    errors: Mapping[str, Error]
    samples: int
    agreement: float | None
    accuracy: tuple[float, float] | None


def integer_inputs(graph: Graph, sample: Sample) -> dict[str, Array]:
    """A float sample as the int8 graph's inputs."""
    values: dict[str, Array] = {}
    for name, array in sample.items():
        kind = graph.tensor(name).type
        values[name] = array if kind.quant is None else quantised(array, kind.quant, kind.dtype)
    return values


def measure(
    source: Graph,
    graph: Graph,
    samples: Sequence[Sample],
    labels: Array | None = None,
    names: Mapping[str, str] | None = None,
    track: Track = silent,
) -> Measurement:
    """Runs both graphs on all samples.

    Args:
        source: the float graph.
        graph: the int8 graph.
        samples: float inputs by the float graph's input names.
        labels: class numbers [samples].
        names: which tensor of the int8 graph each tensor of the float graph is; those of equal
            names when None.
        track: shows progress.
    """
    if names is None:
        names = {n: n for n in float_activations(source) if n in graph.tensors}
    errors = {n: Error() for n in names}
    same: list[bool] = []
    hits: list[tuple[bool, bool]] = []
    inputs_of = tuple(zip(source.inputs, graph.inputs, strict=True))
    for i, sample in enumerate(track(samples, "comparing with float")):
        real = evaluate(source, sample)
        inputs = {other: sample[n] for n, other in inputs_of}
        integer = evaluate(graph, integer_inputs(graph, inputs))
        for name, other in names.items():
            kind = graph.tensor(other).type
            quant = kind.quant
            image = (
                integer[other].astype(np.float32)
                if quant is None
                else dequantised(integer[other], quant)
            )
            errors[name].add(real[name], image, quant, kind.dtype)
        if len(source.outputs) == 1:
            a, b = np.argmax(real[source.outputs[0]]), np.argmax(integer[graph.outputs[0]])
            same.append(bool(a == b))
            if labels is not None:
                hits.append((bool(a == labels[i]), bool(b == labels[i])))
    return Measurement(
        errors,
        len(samples),
        float(np.mean(same)) if same else None,
        tuple(np.mean(hits, axis=0).tolist()) if hits else None,
    )


def float_activations(graph: Graph) -> list[str]:
    """Names of the activations that have finite values."""
    pads = limitless_pads(graph)
    floats = [t.name for t in graph.activations() if t.type.dtype is DType.FLOAT32]
    return [name for name in floats if name not in pads]


def deciding(graph: Graph) -> tuple[str, ...]:
    """The tensors by which an int8 graph is judged, one for each output.

    They are the outputs, but what goes into a final operator of fixed output scale (softmax,
    logistic) instead of what comes out: those squash values, so that the SQNR behind them says
    more about a few uncertain samples than about the network.
    """
    writers = {name: op for op in graph.ops for name in op.outputs}
    found = []
    for name in graph.outputs:
        op = writers.get(name)
        squashed = op is not None and op.int8_form(graph.io(op)).output is not None
        source = op.inputs[0] if op is not None and squashed else None
        found.append(name if source is None else source)
    return tuple(dict.fromkeys(found))


def mean_sqnr(names: Sequence[str], measurement: Measurement) -> float:
    """SQNR of some tensors in dB, the mean where there are several."""
    values = [min(measurement.errors[n].sqnr, HIGHEST) for n in names]
    return float(np.mean(values))

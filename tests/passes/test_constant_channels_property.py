"""Random networks full of zero weights and saturating biases: the same bytes, never more work."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgegen.ir import Graph
from edgegen.ir.verify import verify
from edgegen.passes.constant_channels import remove_constant_channels
from edgegen.passes.intervals import channel_intervals
from edgegen.quant.fixed_point import Int64
from edgegen.verify.reference import evaluate
from tests.passes.networks import Network, feeds

Draw = Callable[[st.SearchStrategy[int]], int]


class Growth:
    """A network that grows by random operators; `maps` are its image tensors so far."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.rng = np.random.default_rng(self.pick(0, 2**16))
        self.net = Network(self.choose(-128, -20, 0, 33))
        shape = (1, self.pick(1, 5), self.pick(1, 5), self.pick(1, 4))
        self.maps = [self.net.input(*shape)]

    def pick(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def choose(self, *values: int) -> int:
        return self.draw(st.sampled_from(values))

    def weights(self, *shape: int, channel: int = 0) -> Int64:
        """Weights of which whole output and input channels are zero."""
        values = self.rng.integers(-24, 25, shape)
        values = values * (self.rng.random(shape) > 0.2)
        gone = self.rng.random(shape[channel]) < 0.3
        values[(slice(None),) * (channel % len(shape)) + (gone,)] = 0
        if channel == 0:
            values[..., self.rng.random(shape[-1]) < 0.3] = 0
        return values

    def bias(self, channels: int) -> Int64 | None:
        if self.pick(0, 4) == 0:
            return None
        size = self.rng.choice([0, 100, 1000, 50_000, 1_000_000], channels)
        return np.asarray(size * self.rng.choice([-1, 1], channels), np.int64)

    def image(self) -> str:
        """One of the last tensors."""
        return self.maps[-self.pick(1, min(3, len(self.maps)))]

    def grow(self) -> None:
        """Adds one operator."""
        x = self.image()
        _, height, width, depth = self.net.shape(x)
        activation = ("NONE", "RELU", "RELU6")[self.pick(0, 2)]
        stride = self.pick(1, 2)
        kind = self.pick(0, 9)
        if kind <= 3:
            size = 1 if kind == 0 else self.pick(1, min(3, height, width))
            out = self.pick(1, 5)
            groups = 2 if depth % 2 == 0 and out % 2 == 0 and self.pick(0, 7) == 0 else 1
            weights = self.weights(out, size, size, depth // groups)
            point = self.choose(-128, 0, 33)
            scales = (2.0 ** self.rng.integers(-9, -3, out)).tolist() if self.pick(0, 1) else None
            y = self.net.conv(
                x, weights, self.bias(out), stride=stride, padding=self.padding(),
                activation=activation, scales=scales, zero_point=point,
            )  # fmt: skip
        elif kind <= 5:
            size = self.pick(1, min(3, height, width))
            out = depth * (2 if self.pick(0, 5) == 0 else 1)
            weights = self.weights(size, size, out, channel=-1)
            y = self.net.depthwise(
                x, weights, self.bias(out), stride=stride, padding=self.padding(),
                activation=activation,
            )  # fmt: skip
        elif kind == 6:
            y = self.net.pool(x, (min(2, height), min(2, width)), padding=self.padding(),
                              stride=stride, largest=bool(self.pick(0, 1)))  # fmt: skip
        elif kind == 7:
            y = self.pair(x)
        elif kind == 8:
            y = self.net.relu(x) if self.pick(0, 1) else self.net.quantize(x, 0.09, -7)
        else:
            y = self.net.pad(x, (0, 0), (0, 1), (1, 0), (0, self.choose(0, 0, 0, 1)))
        self.maps.append(y)

    def padding(self) -> str:
        return ("SAME", "VALID")[self.pick(0, 1)]

    def pair(self, x: str) -> str:
        """Adds, multiplies or joins `x` with an earlier tensor or a constant."""
        shape = self.net.shape(x)
        others = [m for m in self.maps if self.net.shape(m) == shape]
        other = others[self.pick(0, len(others) - 1)]
        if self.pick(0, 2) == 0:
            values = self.rng.integers(-128, 128, shape[3] if self.pick(0, 1) else shape)
            other = self.net.constant(f"c{len(self.net.ops)}", values)
        if self.net.shape(other) == shape and self.pick(0, 2) == 0:
            quants = {self.net.tensors[n].type.quant for n in (x, other)}
            if len(quants) == 1:
                return self.net.concat(x, other, axis=self.choose(1, 3, -1))
        return self.net.mul(x, other) if self.pick(0, 1) else self.net.add(x, other)

    def finish(self) -> Graph:
        """Ends in an image, or in a classifier."""
        y = self.maps[-1]
        kind = self.pick(0, 3)
        if kind == 1:
            y = self.net.squeeze(self.net.mean(y, 1, 2, keep=True))
        if kind:
            elements = self.net.tensors[y].type.elements
            if kind == 2:
                y = self.net.reshape(y, -1, elements, tensor=bool(self.pick(0, 1)))
            y = self.net.dense(y, self.weights(3, elements), self.bias(3))
        outputs = {y, self.image()} if self.pick(0, 3) == 0 else {y}
        return self.net.graph(*sorted(outputs))


@st.composite
def graphs(draw: Draw) -> Graph:
    growth = Growth(draw)
    for _ in range(growth.pick(1, 6)):
        growth.grow()
    return growth.finish()


@settings(derandomize=True, deadline=None, max_examples=400)
@given(graph=graphs())
def test_outputs_stay_the_same(graph: Graph) -> None:
    result = remove_constant_channels(graph)
    verify(result)
    assert result.macs <= graph.macs
    for name in (*graph.inputs, *graph.outputs):
        assert result.tensor(name).type == graph.tensor(name).type
    intervals = channel_intervals(graph)
    for feed in feeds(graph):
        wanted = evaluate(graph, feed)
        for name, value in wanted.items():
            values = value.astype(np.int64)
            assert (values >= intervals[name].low).all(), name
            assert (values <= intervals[name].high).all(), name
        if result is not graph:
            got = evaluate(result, feed)
            for name in graph.outputs:
                np.testing.assert_array_equal(got[name], wanted[name])

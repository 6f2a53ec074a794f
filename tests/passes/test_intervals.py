from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from edgegen.ir import Graph
from edgegen.passes.intervals import Interval, channel_intervals
from edgegen.verify.reference import evaluate
from tests.passes.networks import Network, feeds

Image = npt.NDArray[np.int8]


def bounds(graph: Graph, name: str) -> list[tuple[int, int]]:
    interval = channel_intervals(graph)[name]
    return list(zip(interval.low.tolist(), interval.high.tolist(), strict=True))


def assert_sound(graph: Graph) -> None:
    intervals = channel_intervals(graph)
    for feed in feeds(graph):
        for name, value in evaluate(graph, feed).items():
            assert within(value.astype(np.int64), intervals[name]), name


def within(value: npt.NDArray[np.int64], interval: Interval) -> bool:
    return bool(((value >= interval.low) & (value <= interval.high)).all())


def test_inputs_take_the_whole_range() -> None:
    net = Network()
    net.input(1, 2, 2, 3)
    assert bounds(net.graph("x"), "x") == [(-128, 127)] * 3


def test_constants_have_the_range_of_their_values() -> None:
    net = Network()
    y = net.add(net.input(1, 2, 2, 2), net.constant("c", [[[[1, 5], [3, 5]]]]))
    assert bounds(net.graph(y), "c") == [(1, 3), (5, 5)]


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("zero_point", [-128, 7])
@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_bounds_are_reached(padding: str, zero_point: int, stride: int) -> None:
    net = Network(zero_point)
    weights = np.random.default_rng(11).integers(-9, 10, (4, 3, 2, 3))
    net.input(1, 5, 4, 3)
    y = net.conv("x", weights, [50, 0, -300, 9], stride=stride, padding=padding, activation="RELU6")
    graph = net.graph(y)
    assert_sound(graph)
    # At every position the input that each weight of a channel likes most, or least, can occur.
    for channel, wanted in enumerate(bounds(graph, y)):
        for sign, bound in zip((-1, 1), wanted, strict=True):
            liked = np.where(sign * weights[channel] > 0, 127, -128).astype(np.int8)
            reached = [
                evaluate(graph, {"x": image})[y][0, *place, channel]
                for place, image in placed(liked, net.shape(y), stride, padding)
            ]
            assert (max(reached) if sign > 0 else min(reached)) == bound


def placed(
    window: Image, shape: tuple[int, ...], stride: int, padding: str
) -> Iterator[tuple[tuple[int, int], Image]]:
    """Images [1, 5, 4, 3] with a 3x2 window of pixels where each output of `shape` reads it."""
    before = (1, 0) if padding == "SAME" else (0, 0)
    for row, column in np.ndindex(shape[1:3]):
        canvas = np.zeros((5 + 4, 4 + 4, 3), np.int8)
        top, left = 2 + row * stride - before[0], 2 + column * stride - before[1]
        canvas[top : top + 3, left : left + 2] = window
        yield (row, column), canvas[np.newaxis, 2:7, 2:6]


def test_border_classes_count() -> None:
    # Channel 0 of `a` is 0 real everywhere but the padding hides 2 of 3 taps at most.
    net = Network(0)
    net.input(1, 3, 3, 1)
    a = net.conv("x", np.zeros((1, 1, 1, 1)), [640], activation="NONE")
    y = net.conv(a, [[[[1], [2], [4]]]], [0], activation="NONE")
    # 10 steps of input times the taps that are seen: 6 left, 7 inside, 3 right; a 64th of it.
    assert bounds(net.graph(y), a) == [(10, 10)]
    assert bounds(net.graph(y), y) == [(0, 1)]
    z = net.conv(a, [[[[64], [128 - 1], [64]]]], [0], activation="NONE")
    assert bounds(net.graph(z), z) == [(30, 40)]


def test_dilated_taps_see_their_own_border() -> None:
    net = Network(0)
    net.input(1, 4, 4, 1)
    a = net.conv("x", np.zeros((1, 1, 1, 1)), [64], activation="NONE")
    y = net.conv(a, np.full((1, 3, 3, 1), 64), [0], dilation=2, activation="NONE")
    assert bounds(net.graph(y), y) == [(4, 4)]


def test_groups_read_their_own_channels() -> None:
    net = Network(0)
    net.input(1, 2, 2, 2)
    a = net.conv("x", [[[[0, 0]]], [[[64, 0]]]], [64, 0], activation="NONE")
    y = net.conv(a, [[[[64]]], [[[64]]]], [0, 0], activation="NONE")
    assert bounds(net.graph(y), y) == [(1, 1), (-128, 127)]


def test_depth_multiplier() -> None:
    net = Network(0)
    net.input(1, 2, 2, 2)
    a = net.conv("x", [[[[0, 0]]], [[[64, 0]]]], [64, 0], activation="NONE")
    y = net.depthwise(a, [[[64, 32 + 1, 64, 0]]], [0, 0, 0, 128], activation="NONE")
    assert bounds(net.graph(y), y) == [(1, 1), (1, 1), (-128, 127), (2, 2)]


def test_wrapping_accumulators_are_unknown() -> None:
    net = Network(0)
    net.input(1, 1, 1, 1)
    y = net.conv("x", np.full((1, 1, 1, 1), 127), [2**31 - 100], activation="RELU")
    assert bounds(net.graph(y, verified=False), y) == [(0, 127)]
    # A factor of 2^22 shifts left by 23 first: both ends wrap to what Relu makes 0, 64 << 23 not.
    z = net.conv("x", np.full((1, 1, 1, 1), 64), activation="RELU", scales=[2.0**22])
    graph = net.graph(z, verified=False)
    assert bounds(graph, z) == [(0, 127)]
    values = [evaluate(graph, {"x": np.full((1, 1, 1, 1), x, np.int8)})[z] for x in (-128, 1, 127)]
    assert np.ravel(values).tolist() == [0, 127, 0]


def test_rows_of_a_fully_connected_layer() -> None:
    net = Network(0)
    net.input(1, 2, 2, 2)
    a = net.conv("x", [[[[0, 0]]], [[[64, 0]]]], [640, 0], activation="RELU6")
    # Relu6 leaves 0 to 96; a row holds both channels of four pixels.
    spread = net.dense(a, [[64, 0, 64, 0, 64, 0, 64, 0], [0, 0, 0, 64, 0, 0, 0, 0]])
    assert bounds(net.graph(spread), spread) == [(40, 40), (0, 96)]
    # Two rows for each channel of a tensor: columns of the layer see both.
    wide = net.reshape(a, 1, 4, 2)
    flat = net.reshape(wide, 1, 8)
    y = net.dense(flat, [[64, 0], [0, 64]])
    assert bounds(net.graph(y), flat) == [(10, 10), (0, 96)] * 4
    assert bounds(net.graph(y), y) == [(10, 10), (0, 96)]


def test_moving_operators_keep_channels_apart() -> None:
    net = Network(0)
    net.input(1, 2, 2, 2)
    a = net.conv("x", [[[[0, 0]]], [[[64, 0]]]], [640, 0], activation="RELU6")
    wanted = [(10, 10), (0, 96)]
    for y in (
        net.reshape(a, 4, 2),
        net.squeeze(net.pool(a, (2, 2))),
        net.pool(a, (2, 2), padding="SAME", largest=True),
        net.mean(a, 1, 2),
        net.concat(a, a, axis=1),
    ):
        assert bounds(net.graph(y), y) == wanted
    y = net.concat(a, net.constant("c", np.full((1, 2, 2, 1), -5)))
    assert bounds(net.graph(y), y) == [*wanted, (-5, -5)]
    y = net.pad(a, (0, 0), (1, 0), (0, 0), (0, 1))
    assert bounds(net.graph(y), y) == [(0, 10), (0, 96), (0, 0)]
    y = net.pad(a, (0, 0), (1, 0), (0, 0), (0, 0), fill=10)
    assert bounds(net.graph(y), y) == [(10, 10), (0, 96)]
    y = net.reshape(a, 1, 4, 1, 2)
    y = net.reshape(y, 2, 4)
    assert bounds(net.graph(y), y) == wanted * 2
    y = net.reshape(y, 8)
    y = net.reshape(y, 8, 1)
    assert bounds(net.graph(y), y) == [(0, 96)]


def test_arithmetic_and_tables() -> None:
    net = Network(0)
    net.input(1, 2, 2, 2)
    a = net.conv("x", [[[[0, 0]]], [[[64, 0]]]], [640, 0], activation="RELU6")
    b = net.constant("c", [-3, 7])
    y = net.add(a, b)
    assert bounds(net.graph(y), y) == [(7, 7), (7, 103)]
    # Products of steps by 1/16: 10 * -3, and 0 to 96 * 7.
    y = net.mul(a, b)
    assert bounds(net.graph(y), y) == [(-2, -2), (0, 42)]
    y = net.quantize(a, 0.125, 100)
    assert bounds(net.graph(y), y) == [(105, 105), (100, 127)]
    y = net.relu(net.quantize(a, 0.125, 100), zero_point=-128)
    assert bounds(net.graph(y), y) == [(-118, -118), (-128, -74)]
    y = net.logistic(a)
    (low, high), (zero, top) = bounds(net.graph(y), y)
    assert (low, zero) == (high, 0)
    assert top == 127
    y = net.softmax(a)
    assert bounds(net.graph(y), y) == [(-128, 127)] * 2
    y = net.mul("x", "x")
    assert bounds(net.graph(y), y) == [(-128, 127)] * 2
    assert_sound(net.graph(y))

"""Transpositions vanish, and the outputs stay the same bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgegen.ir import Graph
from edgegen.ir.verify import verify
from edgegen.ops.transpose import Transpose
from edgegen.passes.layout import assign_layouts
from edgegen.verify.reference import evaluate
from tests.passes.networks import Network, feeds

TO_LAST, FROM_LAST = (0, 2, 3, 1), (0, 3, 1, 2)


def moved_bytes(graph: Graph) -> int:
    return sum(graph.io(op).output.type.bytes for op in graph.ops if isinstance(op, Transpose))


def rewritten(graph: Graph) -> Graph:
    """The result, verified and compared."""
    result = assign_layouts(graph)
    verify(result)
    for feed in feeds(graph):
        before, after = evaluate(graph, feed), evaluate(result, feed)
        for name in graph.outputs:
            np.testing.assert_array_equal(before[name], after[name])
    assert moved_bytes(result) <= moved_bytes(graph)
    return result


def stems(graph: Graph) -> Counter[str]:
    return Counter(op.stem for op in graph.ops)


class FirstNetwork(Network):
    """Convolutions and pools on channels-first tensors, as ONNX models have them."""

    def first_conv(self, x: str, out: int, size: int = 1) -> str:
        rng = np.random.default_rng(len(self.ops))
        weights = rng.integers(-60, 60, (out, size, size, self.shape(x)[1]))
        return self.transpose(self.conv(self.transpose(x, *TO_LAST), weights), *FROM_LAST)

    def first_pool(self, x: str) -> str:
        pooled = self.pool(self.transpose(x, *TO_LAST), (2, 2), stride=2, largest=True)
        return self.transpose(pooled, *FROM_LAST)


def test_residual_network_with_flattening() -> None:
    net = FirstNetwork()
    x = net.first_conv(net.input(1, 1, 6, 8), 4, 3)
    y = net.relu(net.add(net.first_conv(x, 4), x))
    z = net.first_pool(net.concat(y, x, axis=1))
    flat = net.reshape(z, 1, -1)
    rng = np.random.default_rng(0)
    weights = rng.integers(-60, 60, (5, net.shape(flat)[1]))
    result = rewritten(net.graph(net.dense(flat, weights)))
    # One input channel: even the input needs no transposition.
    assert stems(result)["transpose"] == 0
    assert stems(result)["conv2d"] == 2


def test_input_with_channels_is_transposed_once() -> None:
    net = FirstNetwork()
    x = net.input(1, 3, 6, 8)
    a, b = net.first_conv(x, 4, 3), net.first_conv(x, 4)
    result = rewritten(net.graph(net.mean(net.add(a, b), 2, 3)))
    assert stems(result)["transpose"] == 1
    (op,) = [op for op in result.ops if isinstance(op, Transpose)]
    assert moved_bytes(result) == 3 * 6 * 8
    # As few axes as possible: channels against pixels.
    assert result.io(op).input(0).type.shape == (3, 48)


def test_branches_of_one_input_share_its_transposition() -> None:
    net = FirstNetwork()
    x = net.input(1, 3, 6, 8)
    parts = [net.first_conv(x, n, 3) for n in (2, 3, 4)]
    result = rewritten(net.graph(net.concat(*parts, axis=1)))
    assert stems(result)["transpose"] == 2
    assert moved_bytes(result) == (3 + 9) * 48


def test_image_output_is_transposed_back() -> None:
    net = FirstNetwork()
    y = net.first_conv(net.input(1, 1, 4, 4), 3, 3)
    result = rewritten(net.graph(net.relu(y)))
    assert stems(result)["transpose"] == 1
    assert result.outputs == ("t3",)


def test_transposition_moves_to_the_smaller_side() -> None:
    net = FirstNetwork()
    x = net.first_conv(net.input(1, 1, 8, 8), 4)
    y = net.first_pool(net.relu(x))
    assert moved_bytes(rewritten(net.graph(y))) == 4 * 4 * 4


def test_broadcast_constants_are_permuted() -> None:
    net = FirstNetwork()
    x = net.first_conv(net.input(1, 1, 4, 5), 3)
    rng = np.random.default_rng(1)
    full = net.constant("full", rng.integers(-128, 128, (1, 3, 4, 5)))
    channel = net.constant("channel", rng.integers(-128, 128, (3, 1, 1)))
    row = net.constant("row", rng.integers(-128, 128, (5,)))
    single = net.constant("single", rng.integers(-128, 128, ()))
    y = net.add(net.mul(net.add(net.mul(x, full), channel), row), single)
    result = rewritten(net.graph(net.first_conv(y, 2)))
    assert stems(result)["transpose"] == 1


def test_padding_mean_and_softmax_follow() -> None:
    net = FirstNetwork()
    x = net.first_conv(net.input(1, 1, 5, 6), 4)
    padded = net.pad(x, (0, 0), (1, 2), (0, 1), (3, 0))
    result = rewritten(net.graph(net.softmax(net.mean(padded, 2, 3, keep=False))))
    assert stems(result)["transpose"] == 0


def test_channel_shuffle_is_one_transposition() -> None:
    net = FirstNetwork()
    x = net.first_conv(net.input(1, 1, 4, 4), 6)
    grouped = net.transpose(net.reshape(x, 1, 2, 3, 4, 4), 0, 2, 1, 3, 4)
    y = net.first_conv(net.reshape(grouped, 1, 6, 4, 4), 2)
    result = rewritten(net.graph(net.mean(y, 2, 3)))
    assert stems(result)["transpose"] == 1
    (op,) = [op for op in result.ops if isinstance(op, Transpose)]
    assert result.io(op).input(0).type.shape == (16, 2, 3)


def test_output_that_is_also_read() -> None:
    net = FirstNetwork()
    x = net.first_conv(net.input(1, 1, 3, 4), 2)
    y = net.first_conv(x, 3)
    result = rewritten(net.graph(x, y, net.reshape(x, 1, 24)))
    assert result.outputs == ("t2", "t5", "t6")


@pytest.mark.parametrize("shape", [(1, 5, 1, 1), (1, 1, 3, 4)])
def test_nothing_moves_where_the_bytes_are_the_same(shape: tuple[int, ...]) -> None:
    net = FirstNetwork()
    result = rewritten(net.graph(net.transpose(net.relu(net.input(*shape)), *TO_LAST)))
    assert stems(result)["transpose"] == 0


def test_graph_without_transposition_is_left_alone() -> None:
    net = Network()
    graph = net.graph(net.relu(net.input(1, 2, 3, 4)))
    assert assign_layouts(graph) is graph


Draw = Callable[[Any], Any]


@st.composite
def graphs(draw: Draw) -> Graph:
    """Random operators on tensors of several ranks and orders of axes."""

    def pick(low: int, high: int) -> int:
        return int(draw(st.integers(low, high)))

    net = FirstNetwork(pick(-20, 20))
    maps = [net.input(1, pick(1, 3), pick(1, 4), pick(1, 4))]
    for _ in range(pick(2, 9)):
        x = maps[-pick(1, min(3, len(maps)))]
        shape = net.shape(x)
        rank = len(shape)
        kind = pick(0, 9)
        same = [m for m in maps if net.shape(m) == shape]
        if kind <= 2 and rank == 4 and shape[0] == 1:
            y = net.first_conv(x, pick(1, 4), pick(1, 2))
        elif kind <= 4:
            y = net.transpose(x, *draw(st.permutations(range(rank))))
        elif kind == 5:
            y = net.add(x, same[pick(0, len(same) - 1)])
        elif kind == 6:
            y = net.concat(x, x, axis=pick(0, rank - 1)) if rank else net.relu(x)
        elif kind == 7 and rank > 1:
            y = net.mean(x, pick(0, rank - 1), keep=bool(pick(0, 1)))
        elif kind == 8 and rank > 1:
            i = pick(0, rank - 2)
            y = net.reshape(x, *shape[:i], shape[i] * shape[i + 1], *shape[i + 2 :])
        elif kind == 9 and rank:
            rng = np.random.default_rng(len(net.ops))
            y = net.dense(x, rng.integers(-60, 60, (pick(1, 4), net.tensors[x].type.elements)))
        else:
            y = net.relu(x)
        maps.append(y)
    outputs = dict.fromkeys((maps[-1], maps[-pick(1, min(3, len(maps)))]))
    return net.graph(*outputs)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(graph=graphs())
def test_random_graphs_keep_their_outputs(graph: Graph) -> None:
    rewritten(graph)

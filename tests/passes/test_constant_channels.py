from __future__ import annotations

import re
from textwrap import dedent

import numpy as np
import pytest

from edgegen.ir import Graph
from edgegen.ir.text import graph_text
from edgegen.ir.verify import verify
from edgegen.passes.base import Pass, run_passes
from edgegen.passes.constant_channels import remove_constant_channels
from edgegen.passes.removed import Size, removed
from edgegen.quant.fixed_point import Int64
from edgegen.verify.reference import evaluate
from tests.passes.networks import Network, feeds


def rewritten(graph: Graph) -> Graph:
    """The pass's result, checked for legality and for the same bytes."""
    result = run_passes(graph, [Pass("constant_channels", remove_constant_channels)])
    assert result.macs <= graph.macs
    for feed in feeds(graph):
        wanted, got = evaluate(graph, feed), evaluate(result, feed)
        for name in graph.outputs:
            np.testing.assert_array_equal(got[name], wanted[name])
    assert remove_constant_channels(result) is result
    return result


def unwrapped(text: str) -> str:
    """A graph's text from how a test shows it: indented, with long lines broken."""
    return re.sub(r"\n {8,}", " ", dedent(text).removeprefix("\n"))


def widths(graph: Graph, *names: str) -> list[int]:
    return [graph.tensor(n).type.shape[-1] for n in names]


def random(*shape: int) -> Int64:
    """Weights without zeros, the same for the same shape."""
    rng = np.random.default_rng(shape)
    return np.asarray(rng.integers(1, 60, shape) * rng.choice([-1, 1], shape), np.int64)


def settled(net: Network, values: list[int], live: int = 2, x: str = "x") -> str:
    """A 1x1 convolution with `live` channels and then some that hold constants.

    Args:
        net: where to add it; the convolution has no activation.
        values: steps above the zero point.
        live: number of channels that depend on the input.
        x: its input.
    """
    depth = net.shape(x)[-1]
    zeros = np.zeros((len(values), 1, 1, depth), np.int64)
    weights = np.concatenate([random(live, 1, 1, depth), zeros])
    # A step of the output is 64 of the accumulator.
    bias = [3] * live + [64 * v for v in values]
    return net.conv(x, weights, bias, activation="NONE")


def test_constant_and_unread_channels_of_a_separable_block() -> None:
    net = Network(-128)
    net.input(1, 4, 4, 2)
    # Channel 1 is always at its zero point; nobody reads channel 2.
    a = net.conv("x", [[[[40, -5]]], [[[0, 0]]], [[[7, 7]]]], [300, 0, 0], name="point")
    # A constant at the zero point stays one whatever the padding: 65 / 64 is one step.
    b = net.depthwise(a, random(3, 3, 3), [70, 65, 90], name="depth")
    c = net.conv(b, [[[[1, 8, 0]]], [[[2, -16, 0]]]], [10, 20], name="last")
    source = net.graph(c)
    assert graph_text(source) == unwrapped("""
        graph net
          input  %x: int8[1,4,4,2] {0.0625, -128}
            0 %point: int8[1,4,4,3] {0.0625, -128} = conv2d(%x, const point/weights:
                int8[3,1,1,2] {0.015625, 0}, const point/bias: int32[3])
                [stride=(1, 1), dilation=(1, 1), padding=SAME, activation=RELU]
            1 %depth: int8[1,4,4,3] {0.0625, -128} = depthwise_conv2d(%point, const
                depth/weights: int8[1,3,3,3] {0.015625, 0}, const depth/bias: int32[3])
                [stride=(1, 1), dilation=(1, 1), padding=SAME, activation=RELU]
            2 %last: int8[1,4,4,2] {0.0625, -128} = conv2d(%depth, const last/weights:
                int8[2,1,1,3] {0.015625, 0}, const last/bias: int32[2])
                [stride=(1, 1), dilation=(1, 1), padding=SAME, activation=RELU]
          output %last
        """)
    result = rewritten(source)
    assert graph_text(result) == unwrapped("""
        graph net
          input  %x: int8[1,4,4,2] {0.0625, -128}
            0 %point: int8[1,4,4,1] {0.0625, -128} = conv2d(%x, const point/weights/kept:
                int8[1,1,1,2] {0.015625, 0}, const point/bias/kept: int32[1])
                [stride=(1, 1), dilation=(1, 1), padding=SAME, activation=RELU]
            1 %depth: int8[1,4,4,1] {0.0625, -128} = depthwise_conv2d(%point, const
                depth/weights/kept: int8[1,3,3,1] {0.015625, 0}, const depth/bias/kept: int32[1])
                [stride=(1, 1), dilation=(1, 1), padding=SAME, activation=RELU]
            2 %last: int8[1,4,4,2] {0.0625, -128} = conv2d(%depth, const last/weights/kept:
                int8[2,1,1,1] {0.015625, 0}, const last/bias/kept: int32[2])
                [stride=(1, 1), dilation=(1, 1), padding=SAME, activation=RELU]
          output %last
        """)
    assert result.tensor("last/bias/kept").values.tolist() == [10 + 8, 20 - 16]


def test_constant_channels_through_pool_and_reshape() -> None:
    net = Network(-3)
    net.input(1, 4, 4, 2)
    a = net.conv(
        "x",
        [[[[40, -5]]], [[[0, 0]]], [[[9, 7]]], [[[7, 9]]]],
        [300, 64 * 11, 0, 0],
        name="point",
        scales=[0.5 / 64, 1 / 64, 1 / 64, 2 / 64],
    )
    pooled = net.pool(a, (4, 4), name="pool")
    flat = net.reshape(pooled, -1, 4, name="flat", tensor=True)
    net.dense(flat, [[1, 8, 0, 3], [2, -16, 0, 4]], [10, 20], name="dense")
    source = net.graph("dense")
    assert graph_text(source) == unwrapped("""
        graph net
          input  %x: int8[1,4,4,2] {0.0625, -3}
            0 %point: int8[1,4,4,4] {0.0625, -3} = conv2d(%x, const point/weights:
                int8[4,1,1,2] {per channel axis 0, 4 scales}, const point/bias: int32[4])
                [stride=(1, 1), dilation=(1, 1), padding=SAME, activation=RELU]
            1 %pool: int8[1,1,1,4] {0.0625, -3} = average_pool2d(%point)
                [size=(4, 4), stride=(1, 1), padding=VALID, activation=NONE]
            2 %flat: int8[1,4] {0.0625, -3} = reshape(%pool, const flat/shape: int32[2])
                [new_shape=()]
            3 %dense: int8[1,2] {0.0625, -3} = fully_connected(%flat, const dense/weights:
                int8[2,4] {0.015625, 0}, const dense/bias: int32[2])
                [keep_num_dims=False, activation=NONE]
          output %dense
        """)
    result = rewritten(source)
    assert graph_text(result) == unwrapped("""
        graph net
          input  %x: int8[1,4,4,2] {0.0625, -3}
            0 %point: int8[1,4,4,2] {0.0625, -3} = conv2d(%x, const point/weights/kept:
                int8[2,1,1,2] {per channel axis 0, 2 scales}, const point/bias/kept: int32[2])
                [stride=(1, 1), dilation=(1, 1), padding=SAME, activation=RELU]
            1 %pool: int8[1,1,1,2] {0.0625, -3} = average_pool2d(%point)
                [size=(4, 4), stride=(1, 1), padding=VALID, activation=NONE]
            2 %flat: int8[1,2] {0.0625, -3} = reshape(%pool) [new_shape=(1, 2)]
            3 %dense: int8[1,2] {0.0625, -3} = fully_connected(%flat, const
                dense/weights/kept: int8[2,2] {0.015625, 0}, const dense/bias/kept: int32[2])
                [keep_num_dims=False, activation=NONE]
          output %dense
        """)
    quant = result.tensor("point/weights/kept").type.quant
    assert quant is not None
    assert quant.scales == (0.5 / 64, 2 / 64)
    assert result.tensor("dense/bias/kept").values.tolist() == [10 + 11 * 8, 20 - 11 * 16]
    by_name = {r.output: r for r in removed(source, result)}
    assert list(by_name) == ["point", "pool", "flat", "dense"]
    assert (by_name["point"].before, by_name["point"].after) == (Size(4, 128, 24), Size(2, 64, 12))
    assert (by_name["dense"].before, by_name["dense"].after) == (Size(2, 8, 16), Size(2, 4, 12))
    assert str(by_name["dense"]) == (
        "op 3 FULLY_CONNECTED v1: 2 channels to 2, 8 MACs to 4, 16 bytes of constants to 12"
    )
    assert [op.origin for op in result.ops] == [op.origin for op in source.ops]


def test_nothing_to_remove_gives_the_same_graph() -> None:
    net = Network()
    net.input(1, 4, 4, 2)
    y = net.depthwise(net.conv("x", random(3, 3, 3, 2), [0, 1, 2]), random(3, 3, 3))
    source = net.graph(y)
    assert remove_constant_channels(source) is source
    assert removed(source, source) == ()


@pytest.mark.parametrize(
    ("value", "padding", "kept"),
    [
        (0, "SAME", 2),  # at the zero point: padding looks the same
        (7, "SAME", 3),  # the border sees less of it
        (7, "VALID", 2),  # no border
    ],
)
def test_borders_of_a_convolution(value: int, padding: str, kept: int) -> None:
    net = Network(-20)
    net.input(1, 4, 4, 2)
    a = settled(net, [value])
    y = net.conv(a, random(4, 3, 3, 3), [0, 1, 2, 3], padding=padding, activation="NONE")
    assert widths(rewritten(net.graph(y)), a, y) == [kept, 4]


def test_taps_that_never_meet_the_border_are_folded() -> None:
    net = Network(-20)
    net.input(1, 4, 4, 2)
    a = settled(net, [7])
    weights = random(4, 3, 3, 3)
    weights[..., 2] = 0
    weights[:, 1, 1, 2] = 9
    y = net.conv(a, weights, activation="NONE")
    result = rewritten(net.graph(y))
    assert widths(result, a) == [2]
    # The layer had no bias.
    assert result.tensor("t1/bias/kept").values.tolist() == [63] * 4


def test_borders_of_a_depthwise_convolution() -> None:
    net = Network(-20)
    net.input(1, 4, 4, 2)
    a = settled(net, [7, 7, 7], live=1)
    weights = random(3, 3, 4)
    weights[..., 1] = 60  # differs at the border
    weights[..., 2] = 0  # nothing is left of it
    weights[..., 3] = 1  # too small to show: 7 * 9 is less than half a step of 128
    b = net.depthwise(a, weights, [0, 0, 64, 0], activation="NONE")
    y = net.conv(b, random(2, 1, 1, 4), [0, 0], activation="NONE")
    result = rewritten(net.graph(y))
    assert widths(result, a, b) == [2 + 1, 2 + 1]


def test_a_bias_must_stay_within_int32() -> None:
    def network(bias: int) -> Graph:
        net = Network(0)
        net.input(1, 2, 2, 1)
        a = settled(net, [100], live=1)
        y = net.conv(a, [[[[1, 100]]]], [bias], scales=[2.0**-26], activation="NONE")
        return net.graph(y, verified=False)

    fits, overflows = network(2**31 - 1 - 10_000), network(2**31 - 10_000)
    result = remove_constant_channels(fits)
    assert widths(result, "t0") == [1]
    assert result.tensor("t1/bias/kept").values.tolist() == [2**31 - 1]
    assert remove_constant_channels(overflows) is overflows


def test_a_tensor_with_two_readers_keeps_what_either_reads() -> None:
    net = Network()
    net.input(1, 4, 4, 2)
    a = settled(net, [0], live=3)
    first, second = random(2, 1, 1, 4), random(2, 1, 1, 4)
    first[..., [0, 1]] = 0
    second[..., [1, 2]] = 0
    b, c = net.conv(a, first, activation="NONE"), net.conv(a, second, activation="NONE")
    assert widths(rewritten(net.graph(b, c)), a, b, c) == [2, 2, 2]


def test_weights_with_two_readers() -> None:
    net = Network()
    net.input(1, 4, 4, 2)
    weights = random(4, 1, 1, 2)
    a, b = net.conv("x", weights), net.conv("x", weights)
    # The second layer uses the constants of the first and keeps its channels.
    net.ops[1] = type(net.ops[1])(**{**vars(net.ops[1]), "inputs": net.ops[0].inputs})
    last = random(2, 1, 1, 4)
    last[..., 1:3] = 0
    y = net.conv(a, last)
    result = rewritten(net.graph(b, y))
    assert widths(result, a, b) == [2, 4]
    assert sorted(n for n in result.tensors if n.startswith("t0/")) == [
        "t0/weights",
        "t0/weights/kept",
    ]


def test_a_constant_that_must_stay_needs_no_input() -> None:
    net = Network()
    net.input(1, 4, 4, 3)
    a = net.conv("x", random(3, 1, 1, 3), activation="NONE")
    # Relu6 saturates channel 0 of `b` whatever channel 2 of `a` holds; addition still reads it.
    weights = random(3, 1, 1, 3)
    weights[1:, 0, 0, 2] = 0
    b = net.conv(a, weights, [90_000, 0, 0], activation="RELU6")
    y = net.add(b, "x")
    result = rewritten(net.graph(y))
    assert widths(result, a, b, y) == [2, 3, 3]
    assert not result.tensor("t1/weights/kept").values[0].any()


def test_residual_blocks_lose_channels_together() -> None:
    net = Network()
    net.input(1, 4, 4, 2)
    a = net.conv("x", random(4, 1, 1, 2), activation="NONE")
    b = net.depthwise(a, random(3, 3, 4), activation="NONE")
    c = net.add(a, b, "RELU")
    scaled = net.mul(c, net.constant("c", [5, 100, 6, 7]))
    last = random(2, 1, 1, 4)
    last[..., [0, 2]] = 0
    y = net.conv(scaled, last, activation="NONE")
    result = rewritten(net.graph(y))
    assert widths(result, a, b, c, scaled, "c/kept") == [2] * 5
    assert result.tensor("c/kept").values.tolist() == [100, 7]
    # One more reader of all channels of `b` keeps them everywhere.
    z = net.relu(b)
    assert widths(rewritten(net.graph(y, z)), a, b, c, scaled) == [4] * 4


def test_concatenated_channels() -> None:
    net = Network()
    net.input(1, 4, 4, 2)
    a, b = settled(net, [0, 0]), settled(net, [5], live=1)
    joined = net.concat(a, net.constant("c", np.full((1, 4, 4, 2), 9)), b)
    padded = net.pad(joined, (0, 0), (0, 0), (1, 0), (0, 0), fill=0)
    last = random(2, 1, 1, 8)
    last[..., [1, 5]] = 0
    y = net.conv(padded, last, activation="NONE")
    result = rewritten(net.graph(y))
    # Left: channel 0 of `a`; of the constant what padding makes differ; of `b` the live and the 5.
    assert widths(result, a, "c/kept", b, joined) == [1, 1, 2, 4]


def test_broadcast_operands_keep_their_channel() -> None:
    net = Network()
    net.input(1, 4, 4, 2)
    a, gate = net.conv("x", random(3, 1, 1, 2)), net.conv("x", random(1, 1, 1, 2))
    product = net.mul(a, gate)
    last = random(2, 1, 1, 3)
    last[..., 1] = 0
    y = net.conv(product, last)
    assert widths(rewritten(net.graph(y)), a, gate, product) == [2, 1, 2]


def test_flattened_pixels_go_when_no_pixel_is_read() -> None:
    net = Network(-20)
    net.input(1, 2, 2, 2)
    a = settled(net, [0, 9])
    flat = net.reshape(a, 1, 16)
    weights = random(3, 16)
    weights[:, 0::4] = 0
    weights[:, 4] = 5
    y = net.dense(flat, weights, [0, 0, 0])
    # Channel 0 is read at one pixel; channels 2 and 3 are constant.
    assert widths(rewritten(net.graph(y)), a, flat, y) == [2, 8, 3]


@pytest.mark.parametrize("depth", [8, 12])
def test_rows_that_are_no_whole_pixels_are_left_alone(depth: int) -> None:
    net = Network()
    net.input(1, 4, 4, 2)
    a = net.conv("x", random(24, 1, 1, 2))
    source = net.graph(net.dense(a, np.zeros((3, depth)), [0, 0, 0]))
    assert remove_constant_channels(source) is source


def test_a_layer_keeps_one_channel() -> None:
    net = Network()
    net.input(1, 4, 4, 2)
    a = settled(net, [3, 4], live=1)
    b = net.conv(a, np.zeros((3, 1, 1, 3)), [1, 64, 128], activation="NONE")
    flat = net.squeeze(net.mean(b, 1, 2, keep=True))
    y = net.dense(flat, random(2, 3), [7, 9])
    result = rewritten(net.graph(y))
    # Not the live one: the channel that stays needs no input.
    assert widths(result, a, b, flat, y) == [1, 1, 1, 2]
    assert len(result.tensor(flat).type.shape) == 1
    assert not result.tensor("t0/weights/kept").values.any()


@pytest.mark.parametrize("kind", ["groups", "multiplier", "softmax", "pad", "mean"])
def test_what_no_rule_describes_is_left_alone(kind: str) -> None:
    net = Network()
    net.input(1, 4, 4, 2)
    a = settled(net, [0, 0])
    if kind == "groups":
        b = net.conv(a, random(4, 1, 1, 2))
    elif kind == "multiplier":
        b = net.depthwise(a, random(3, 3, 8))
    elif kind == "softmax":
        b = net.softmax(a)
    elif kind == "pad":
        b = net.pad(a, (0, 0), (0, 0), (0, 0), (1, 0))
    else:
        b = net.mean(a, 3, keep=True)
    y = net.relu(b)
    source = net.graph(y)
    assert remove_constant_channels(source) is source


def test_inputs_and_outputs_keep_their_shape() -> None:
    net = Network()
    net.input(1, 4, 4, 3)
    a = settled(net, [0, 0])
    weights = random(2, 1, 1, 4)
    weights[..., 0] = 0
    y = net.conv(a, weights)
    late = net.conv(net.depthwise("x", random(3, 3, 3)), np.zeros((2, 1, 1, 3)), [5, 6])
    source = net.graph(a, y, late)
    assert widths(rewritten(source), "x", a, y, late) == [3, 4, 2, 2]


def test_second_look_finds_names_taken() -> None:
    net = Network()
    net.input(1, 4, 4, 2)
    a = settled(net, [0])
    net.constant("t0/weights/kept", [1])
    y = net.conv(a, random(2, 1, 1, 3))
    result = rewritten(net.graph(y))
    verify(result)
    assert "t0/weights/kept_2" in result.tensors


def test_tensors_without_elements_are_left_alone() -> None:
    net = Network()
    net.input(1, 0, 4, 2)
    source = net.graph(net.relu("x"))
    assert remove_constant_channels(source) is source

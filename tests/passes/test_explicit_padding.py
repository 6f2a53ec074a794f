"""Borders become paddings: the same bytes in numpy and in C on every core."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from edgegen.codegen.package import pack
from edgegen.ir import Graph
from edgegen.ir.verify import verify
from edgegen.passes.explicit_padding import absorb_padding
from edgegen.plan.plan import plan
from edgegen.target.cores import CORES
from edgegen.target.select import select
from edgegen.verify.compare import require_equal
from edgegen.verify.host import host_program
from edgegen.verify.reference import evaluate
from tests.passes.networks import Network, feeds

Border = tuple[int, int]


def stems(graph: Graph) -> Counter[str]:
    return Counter(op.stem for op in graph.ops)


def bordered(net: Network, x: str, rows: Border, columns: Border, fill: int | None = None) -> str:
    return net.pad(x, (0, 0), rows, columns, (0, 0), fill=fill)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def network() -> Graph:
    """Convolutions and a pool with borders that neither SAME nor VALID gives."""
    net = Network(-20)
    draw = rng()
    x = net.input(1, 13, 11, 3)
    x = net.conv(
        bordered(net, x, (1, 1), (1, 1)), draw.integers(-60, 60, (8, 3, 3, 3)), stride=2,
        padding="VALID",
    )  # fmt: skip
    x = net.depthwise(
        bordered(net, x, (2, 0), (0, 1)), draw.integers(-60, 60, (3, 3, 8)), padding="VALID"
    )
    x = net.depthwise(
        bordered(net, x, (1, 0), (1, 1)), draw.integers(-60, 60, (3, 3, 8)), stride=2,
        padding="VALID",
    )  # fmt: skip
    x = net.conv(bordered(net, x, (0, 1), (2, 2)), draw.integers(-60, 60, (12, 3, 5, 8)),
                 padding="VALID")  # fmt: skip
    x = net.pool(bordered(net, x, (1, 0), (1, 1), -128), (2, 3), padding="VALID", largest=True)
    x = net.conv(bordered(net, x, (2, 2), (1, 1)), draw.integers(-60, 60, (4, 3, 2, 12)),
                 padding="VALID", activation="NONE")  # fmt: skip
    return net.graph(x)


def test_all_borders_go() -> None:
    graph = network()
    result = absorb_padding(graph)
    verify(result)
    assert stems(graph)["pad"] == 6
    assert stems(result)["pad"] == 0
    for feed in feeds(graph):
        before, after = evaluate(graph, feed), evaluate(result, feed)
        for name in result.tensors:
            if name in after:
                np.testing.assert_array_equal(before[name], after[name])


@pytest.mark.parametrize("optimize", ["speed", "size"])
@pytest.mark.parametrize("core", ["m0+", "m3", "m4"])
def test_kernels_pad_as_told(core: str, optimize: str) -> None:
    graph = absorb_padding(network())
    program = select(graph, CORES[core], optimize)
    inputs = feeds(graph, randoms=1)
    with host_program(pack(plan(program), "net")) as host:
        actual = host.run(inputs)
    require_equal(program, [evaluate(program.graph, feed) for feed in inputs], actual)


def test_borders_that_must_stay() -> None:
    net = Network(5)
    x = net.input(1, 6, 6, 2)
    weights = rng().integers(-60, 60, (3, 3, 3, 2))
    other_value = net.conv(bordered(net, x, (1, 1), (1, 1), 9), weights, padding="VALID")
    as_wide = net.conv(bordered(net, x, (3, 0), (0, 0)), weights, padding="VALID")
    not_lowest = net.pool(bordered(net, x, (1, 0), (1, 0)), (2, 2), largest=True)
    read_twice = bordered(net, x, (0, 1), (0, 1))
    mean = net.pool(bordered(net, x, (1, 0), (0, 0)), (2, 2))
    channels = net.conv(
        net.pad(x, (0, 0), (1, 1), (1, 1), (0, 1)), rng().integers(-60, 60, (3, 3, 3, 3)),
        padding="VALID",
    )  # fmt: skip
    twice = net.conv(read_twice, weights, padding="VALID")
    graph = net.graph(other_value, as_wide, not_lowest, read_twice, twice, mean, channels)
    assert absorb_padding(graph) is graph


def test_border_that_no_window_reaches() -> None:
    net = Network()
    x = net.input(1, 6, 6, 2)
    weights = rng().integers(-60, 60, (3, 3, 3, 2))
    y = net.conv(bordered(net, x, (1, 1), (1, 1)), weights, stride=2, padding="VALID")
    result = absorb_padding(net.graph(y))
    (op,) = result.ops
    assert getattr(op, "pads", None) == (1, 0, 1, 0)

"""Float rewrites before quantisation keep what the network computes."""

from __future__ import annotations

import numpy as np
import pytest

from edgegen.ir import Graph
from edgegen.ops.conv2d import Conv2D
from edgegen.ops.mean import Mean
from edgegen.quantise.convert import WeightOptions
from edgegen.quantise.equalise import equalise
from edgegen.quantise.fuse import fuse
from edgegen.quantise.global_pool import means_for_global_pools
from edgegen.quantise.observe import observe
from edgegen.verify.reference import evaluate
from tests.quantise.networks import FloatNetwork, samples, small_cnn


def assert_same_outputs(before: Graph, after: Graph, tolerance: float = 1e-5) -> None:
    for sample in samples(before, 4):
        a, b = evaluate(before, sample), evaluate(after, sample)
        for name in before.outputs:
            want, got = a[name].astype(np.float64), b[name].astype(np.float64)
            np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * np.abs(want).max())


@pytest.mark.parametrize("layer", ["conv", "depthwise", "dense"])
def test_batch_normalisation_and_activation_fold_into_the_layer(layer: str) -> None:
    net = FloatNetwork()
    x = net.input(1, 5, 4, 6)
    if layer == "conv":
        y = net.conv(x, 7, activation="NONE")
    elif layer == "depthwise":
        y = net.depthwise(x, activation="NONE")
    else:
        y = net.dense(x, 7)
    channels = net.shape(y)[-1]
    random = np.random.default_rng(4)
    y = net.offset(net.scale(y, random.normal(size=channels)), random.normal(size=(1, channels)))
    before = net.graph(net.relu(y, "RELU6"))
    after = fuse(before)
    assert [op.stem for op in after.ops] == [before.ops[0].stem]
    assert after.ops[0].outputs == (before.outputs[0],)
    assert_same_outputs(before, after)


def test_what_has_another_reader_is_not_folded() -> None:
    net = FloatNetwork()
    y = net.conv(net.input(1, 4, 4, 3), 5, activation="NONE")
    a = net.relu(y)
    graph = net.graph(a, net.scale(y, [2.0] * 5))
    assert fuse(graph) == graph


def test_an_output_of_the_graph_is_not_folded() -> None:
    net = FloatNetwork()
    y = net.conv(net.input(1, 4, 4, 3), 5, activation="NONE")
    graph = net.graph(net.relu(y), y)
    assert len(fuse(graph).ops) == 2


def test_constants_that_differ_by_position_are_not_folded() -> None:
    net = FloatNetwork()
    y = net.conv(net.input(1, 4, 4, 3), 5, activation="NONE")
    graph = net.graph(net.scale(y, np.ones((1, 4, 4, 5))))
    assert fuse(graph) == graph


def test_an_activation_fuses_into_a_sum() -> None:
    graph = small_cnn()
    after = fuse(graph)
    assert len(after.ops) == len(graph.ops) - 1
    assert_same_outputs(graph, after)


def uneven() -> Graph:
    """Channels whose ranges differ by factors up to a thousand."""
    net = FloatNetwork(9)
    x = net.input(1, 6, 6, 3)
    spread = np.logspace(-1.5, 1.5, 8)
    weights = net.random.normal(size=(8, 3, 3, 3)) * spread[:, None, None, None]
    a = net.conv(x, 8, weights=weights, bias=net.random.normal(size=8) * spread)
    b = net.depthwise(a)
    c = net.conv(b, 6, 1)
    return net.graph(net.dense(net.flatten(c), 4))


def test_equalisation_changes_no_output() -> None:
    before = uneven()
    seen = observe(before, samples(before, 8))
    after = equalise(before, {n: o.largest for n, o in seen.items()}, WeightOptions())
    assert after != before
    assert_same_outputs(before, after, 1e-4)


def test_equalisation_evens_out_channels() -> None:
    before = uneven()
    inputs = samples(before, 8)
    seen = observe(before, inputs)
    after = equalise(before, {n: o.largest for n, o in seen.items()}, WeightOptions())
    first = before.ops[0].outputs[0]
    old, new = seen[first].largest, observe(after, inputs)[first].largest
    assert old.max() / old.min() > 100
    # Before a depthwise layer only the limit on factors stands in the way.
    assert new.max() / new.min() == pytest.approx(max(old.max() / old.min() / 64, 1), rel=1e-3)


def test_equalisation_reaches_through_pools_and_reshapes() -> None:
    net = FloatNetwork(9)
    spread = np.logspace(-1, 1, 8)[:, None, None, None]
    a = net.conv(net.input(1, 8, 8, 3), 8, weights=net.random.normal(size=(8, 3, 3, 3)) * spread)
    pooled = net.average_pool(net.max_pool(a), 4)
    before = net.graph(net.dense(net.flatten(pooled), 4))
    inputs = samples(before, 8)
    seen = observe(before, inputs)
    after = equalise(before, {n: o.largest for n, o in seen.items()}, WeightOptions())
    assert_same_outputs(before, after, 1e-4)
    old, new = seen[a].largest, observe(after, inputs)[a].largest
    assert new.max() / new.min() < old.max() / old.min() / 3


def test_equalisation_stops_where_channels_mix() -> None:
    net = FloatNetwork(9)
    a = net.conv(net.input(1, 4, 4, 3), 8)
    # Flattening an image gives every channel several columns of the next layer's weights.
    graph = net.graph(net.dense(net.flatten(a), 4))
    seen = observe(graph, samples(graph, 2))
    assert equalise(graph, {n: o.largest for n, o in seen.items()}, WeightOptions()) == graph


def test_equalisation_leaves_bounded_activations_alone() -> None:
    net = FloatNetwork()
    a = net.conv(net.input(1, 4, 4, 3), 5, activation="RELU6")
    graph = net.graph(net.conv(a, 4, 1))
    seen = observe(graph, samples(graph, 2))
    assert equalise(graph, {n: o.largest for n, o in seen.items()}, WeightOptions()) == graph


def test_global_average_pools_become_means() -> None:
    net = FloatNetwork()
    x = net.conv(net.input(1, 4, 4, 3), 5)
    before = net.graph(net.average_pool(x, 4))
    after = means_for_global_pools(before)
    assert [type(op) for op in after.ops] == [Conv2D, Mean]
    assert_same_outputs(before, after)


def test_other_average_pools_stay() -> None:
    net = FloatNetwork()
    x = net.conv(net.input(1, 4, 4, 3), 5)
    graph = net.graph(net.average_pool(x, 2))
    assert means_for_global_pools(graph) == graph

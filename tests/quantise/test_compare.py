"""Comparing two models: which tensors belong together, and what the comparison finds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgegen.errors import InputError
from edgegen.ir import Graph
from edgegen.quantise.compare import compare, matching
from edgegen.quantise.quantise import Quantiser, Recipe
from edgegen.quantise.samples import Samples
from tests.quantise.networks import FloatNetwork, samples, small_cnn


def renamed(graph: Graph, prefix: str) -> Graph:
    """The same graph with other names for everything."""
    names = {n: f"{prefix}{i}" for i, n in enumerate(graph.tensors)}
    return replace(
        graph,
        tensors={names[n]: replace(t, name=names[n]) for n, t in graph.tensors.items()},
        ops=tuple(
            replace(
                op,
                inputs=tuple(None if n is None else names[n] for n in op.inputs),
                outputs=tuple(names[n] for n in op.outputs),
            )
            for op in graph.ops
        ),
        inputs=tuple(names[n] for n in graph.inputs),
        outputs=tuple(names[n] for n in graph.outputs),
    )


def int8_of(graph: Graph, *, equalised: bool = False) -> Graph:
    return Quantiser(graph, samples(graph, 8)).make(Recipe("minmax", equalised, False)).graph


def test_tensors_match_by_name() -> None:
    graph = small_cnn()
    result = int8_of(graph)
    found = matching(graph, result)
    assert all(a == b for a, b in found.items())
    # All but the sum whose activation was fused.
    assert len(found) == len(graph.ops)


def test_tensors_match_by_kind_and_shape_under_other_names() -> None:
    net = FloatNetwork()
    a = net.conv(net.input(1, 8, 8, 3), 8)
    b = net.add(a, net.conv(net.depthwise(a), 8, 1, "NONE"))
    graph = net.graph(net.softmax(net.dense(net.flatten(net.max_pool(b)), 5)))
    result = int8_of(graph)
    other = renamed(result, "other")
    names = dict(zip(result.tensors, other.tensors, strict=True))
    want = {a: names[b] for a, b in matching(graph, result).items()}
    assert len(want) == len(graph.ops) + 1
    assert matching(graph, other) == want


def test_a_broken_layer_comes_out_worst() -> None:
    graph = small_cnn()
    result = int8_of(graph)
    broken = result.ops[1]
    name = broken.inputs[1]
    assert name is not None
    weights = result.tensor(name)
    damaged = replace(weights, data=np.roll(weights.values, 1, axis=-1))
    result = replace(result, tensors={**result.tensors, name: damaged})
    found = compare(graph, result, Samples(tuple(samples(graph, 4)), None, "test"))
    assert min(found.parts, key=lambda p: p.sqnr).tensor == broken.outputs[0]
    before = [p for p in found.parts if p.tensor in (graph.inputs[0], graph.ops[0].outputs[0])]
    assert all(p.sqnr > 30 for p in before)


def test_channels_that_were_equalised_are_seen_through() -> None:
    net = FloatNetwork(9)
    spread = np.logspace(-1, 1, 6)[:, None, None, None]
    a = net.conv(net.input(1, 6, 6, 3), 6, weights=net.random.normal(size=(6, 3, 3, 3)) * spread)
    graph = net.graph(net.depthwise(a))
    result = int8_of(graph, equalised=True)
    found = compare(graph, result, Samples(tuple(samples(graph, 4)), None, "test"))
    part = next(p for p in found.parts if p.tensor == a)
    assert part.rescaled
    assert part.error.sqnr < 10
    assert part.sqnr > 30
    assert not next(p for p in found.parts if p.tensor == graph.outputs[0]).rescaled


def test_models_that_do_not_belong_together_are_refused() -> None:
    net = FloatNetwork()
    other = net.graph(net.conv(net.input(1, 4, 4, 3), 5))
    with pytest.raises(InputError, match="inputs differ"):
        matching(small_cnn(), other)

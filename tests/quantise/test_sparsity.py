"""Pruned networks: what the report says is dead is what exact rewriting removes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgegen.ir import Graph
from edgegen.passes.base import run_passes
from edgegen.pipeline import PASSES
from edgegen.quantise.measure import integer_inputs
from edgegen.quantise.model import Request, quantise_model
from edgegen.report.quantisation import quantisation_report
from edgegen.verify.reference import evaluate
from tests.quantise.networks import FloatNetwork, samples

SIDE, DEPTH, FILTERS, LAST = 6, 3, 10, 5
DEAD = (1, 4, 7)
"""Filters pruned to nothing whose negative bias the ReLU cuts off."""
UNREAD = (2, 8)
"""Channels that the next layer gives no weight."""


def pruned() -> Graph:
    net = FloatNetwork(11)
    first = net.random.normal(size=(FILTERS, 3, 3, DEPTH))
    bias = net.random.normal(size=FILTERS)
    first[DEAD, ...], bias[list(DEAD)] = 0, -1.0
    second = net.random.normal(size=(LAST, 1, 1, FILTERS))
    second[..., UNREAD] = 0
    a = net.conv(net.input(1, SIDE, SIDE, DEPTH), FILTERS, weights=first, bias=bias)
    return net.graph(net.conv(a, LAST, 1, "NONE", weights=second))


def test_dead_channels_and_what_they_cost_are_reported(tmp_path: Path) -> None:
    graph = pruned()
    np.savez(tmp_path / "samples.npz", inputs=np.stack([s["in0"] for s in samples(graph, 8)]))
    outcome = quantise_model(graph, Request(tmp_path / "samples.npz"))
    optimised = run_passes(outcome.made.graph, PASSES)
    found = quantisation_report("pruned", outcome, optimised, 0).sparsity
    gone = len(DEAD) + len(UNREAD)
    assert (found.channels, found.removed_channels) == (FILTERS + LAST, gone)
    pixels = SIDE * SIDE
    assert found.macs == pixels * FILTERS * (9 * DEPTH + LAST)
    assert found.removed_macs == pixels * gone * (9 * DEPTH + LAST)
    # Weights of the channel, its column in the next layer, its bias.
    assert found.removed_constants == gone * (9 * DEPTH + LAST + 4)
    weights = [outcome.made.graph.io(op).input(1).values for op in outcome.made.graph.ops]
    assert found.weights == sum(w.size for w in weights)
    assert found.zeros == sum(int((w == 0).sum()) for w in weights)
    assert found.zeros >= len(DEAD) * 9 * DEPTH + len(UNREAD) * LAST
    for sample in samples(graph, 4, 50):
        inputs = integer_inputs(outcome.made.graph, sample)
        (name,) = graph.outputs
        np.testing.assert_array_equal(
            evaluate(outcome.made.graph, inputs)[name], evaluate(optimised, inputs)[name]
        )


def test_removed_channels_stand_in_the_layers_row(tmp_path: Path) -> None:
    graph = pruned()
    np.savez(tmp_path / "samples.npz", inputs=np.stack([s["in0"] for s in samples(graph, 4)]))
    outcome = quantise_model(graph, Request(tmp_path / "samples.npz"))
    optimised = run_passes(outcome.made.graph, PASSES)
    rows = quantisation_report("pruned", outcome, optimised, 0).rows
    assert [r.removed_channels for r in rows] == [0, len(DEAD) + len(UNREAD), 0]

"""Removes what the weights prove constant: channels that hold one value, and what nobody reads.

Forwards, interval analysis of the accumulators finds channels that are the same for every input
(`intervals`). Backwards, channels whose value a layer can take into its bias, and channels without
a reader, are found (`channel_needs`) and removed from weights and shapes (`channel_rewrite`). The
outputs stay the same bit for bit.
"""

from __future__ import annotations

from edgegen.ir import DType, Graph
from edgegen.passes.channel_needs import needed_channels
from edgegen.passes.channel_rewrite import drop_channels
from edgegen.passes.intervals import channel_intervals


def remove_constant_channels(graph: Graph) -> Graph:
    """Removes channels until nothing more is found; a graph with float32 tensors stays as it is."""
    kinds = [t.type for t in graph.activations()]
    if any(not k.elements or k.dtype is DType.FLOAT32 for k in kinds):
        return graph
    while True:
        intervals = channel_intervals(graph)
        needs = needed_channels(graph, intervals)
        if all(need.all() for need in needs.values()):
            return graph
        graph = drop_channels(graph, intervals, needs)

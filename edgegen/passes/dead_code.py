"""Removes operators and tensors that no output depends on."""

from __future__ import annotations

from dataclasses import replace

from edgegen.ir import Graph


def remove_dead_code(graph: Graph) -> Graph:
    """Keeps what the outputs need; graph inputs stay, used or not, since they are the interface."""
    needed = set(graph.outputs)
    kept = []
    for op in reversed(graph.ops):
        if needed.isdisjoint(op.outputs):
            continue
        kept.append(op)
        needed.update(n for n in op.inputs if n is not None)
        needed.update(op.outputs)
    needed.update(graph.inputs)
    tensors = {n: t for n, t in graph.tensors.items() if n in needed}
    return replace(graph, ops=tuple(reversed(kept)), tensors=tensors)

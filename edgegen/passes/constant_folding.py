"""Replaces operators whose inputs are all constants by their results."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgegen.ir import Graph, Op, OpIO, Tensor, TensorKind

MAX_MACS = 1 << 28
MAX_ELEMENTS = 1 << 24
"""What is larger is left to the run time rather than keeping the compiler busy for minutes."""


def _is_huge(op: Op, io: OpIO) -> bool:
    sizes = [t.type.elements for t in (*io.inputs, *io.outputs) if t is not None]
    return op.macs(io) > MAX_MACS or max(sizes) > MAX_ELEMENTS


def fold_constants(graph: Graph) -> Graph:
    """Evaluates such operators with their numpy reference."""
    tensors = dict(graph.tensors)
    kept: list[Op] = []
    for op in graph.ops:
        inputs = [None if n is None else tensors[n] for n in op.inputs]
        known = all(t is None or t.kind is TensorKind.CONSTANT for t in inputs)
        io = replace(graph.io(op), inputs=tuple(inputs))
        # The graph's outputs must be computed, if only by a copy.
        if not known or not set(graph.outputs).isdisjoint(op.outputs) or _is_huge(op, io):
            kept.append(op)
            continue
        with np.errstate(all="ignore"):
            values = op.evaluate(io, [None if t is None else t.data for t in inputs])
        for name, value in zip(op.outputs, values, strict=True):
            tensors[name] = Tensor(name, tensors[name].type, TensorKind.CONSTANT, value.copy())
    if len(kept) == len(graph.ops):
        return graph
    return replace(graph, tensors=tensors, ops=tuple(kept))

"""Merges reshapes and transpositions of one tensor that give the same: their readers share it."""

from __future__ import annotations

from dataclasses import replace

from edgegen.ir import Graph, Op
from edgegen.ops.transpose import Transpose
from edgegen.passes.layout.rules import is_free


def merge_views(graph: Graph) -> Graph:
    """Keeps the first of equal ones, unless a graph output has its name."""
    first: dict[tuple[object, ...], str] = {}
    renamed: dict[str, str] = {}
    kept: list[Op] = []
    for original in graph.ops:
        inputs = tuple(None if n is None else renamed.get(n, n) for n in original.inputs)
        op = replace(original, inputs=inputs)
        io = graph.io(op)
        if is_free(op, io) and op.outputs[0] not in graph.outputs:
            order = op.order(io) if isinstance(op, Transpose) else ()
            key = (op.inputs[op.alias_of(io) or 0], io.output.type, order)
            if key in first:
                renamed[op.outputs[0]] = first[key]
                continue
            first[key] = op.outputs[0]
        kept.append(op)
    return replace(graph, ops=tuple(kept)) if renamed else graph

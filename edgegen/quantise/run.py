"""Runs single operators of a graph through their numpy references."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgegen.ir import Graph, Op
from edgegen.ir.types import Array


def outputs(
    graph: Graph, op: Op, values: Mapping[str, Array], constants: Mapping[int, Array] | None = None
) -> tuple[Array, ...]:
    """The outputs of one operator.

    Args:
        graph: where the operator is from.
        op: the operator.
        values: its computed inputs by name.
        constants: values that replace inputs, by index.
    """
    io = graph.io(op)
    arguments: list[Array | None] = [
        None if t is None else (t.data if t.data is not None else values[t.name]) for t in io.inputs
    ]
    for index, array in (constants or {}).items():
        arguments[index] = array
    with np.errstate(all="ignore"):  # as in `verify.reference`
        return op.evaluate(io, arguments)

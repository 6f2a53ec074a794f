"""Global average pools become means, whose int8 form may rescale.

An average pool must keep its input's scale, yet averages over a whole image lie much closer
together than the values they are of: most of int8 would go unused. MEAN computes the same and has a
scale of its own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgegen.ir import DType, Graph, Op, OpIO
from edgegen.ops.average_pool2d import AveragePool2D
from edgegen.ops.mean import Mean
from edgegen.quantise.layers import constant, fresh

AXES = (1, 2)
"""Height and width."""


def means_for_global_pools(graph: Graph) -> Graph:
    """Replaces every average pool whose only window is the whole image."""
    tensors, ops = dict(graph.tensors), []
    for op in graph.ops:
        if not _is_global(op, graph.io(op)):
            ops.append(op)
            continue
        name = fresh(f"{op.outputs[0]}/axes", tensors)
        tensors[name] = constant(name, np.array(AXES), DType.INT32)
        ops.append(Mean((op.inputs[0], name), op.outputs, op.origin, keep_dims=True))
    return replace(graph, tensors=tensors, ops=tuple(ops))


def _is_global(op: Op, io: OpIO) -> bool:
    if not isinstance(op, AveragePool2D) or op.activation != "NONE":
        return False
    _, height, width, _ = io.input(0).type.shape
    covers = op.size[0] >= height and op.size[1] >= width
    return covers and io.output.type.shape[1:3] == (1, 1)

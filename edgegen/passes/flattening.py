"""Dense layers read images as they are: the reshape that flattens one before them is left out.

TFLite's FULLY_CONNECTED flattens its input by itself (see `ops/fully_connected.py`). A dense layer
that reads the image can take it row by row, while the layer before is still computing it.

Rules:
1. The reshaped tensor has the bytes of an image of one batch and several rows.
2. They make one row of the dense layer's input, whose output does not keep the input's dimensions.
"""

from __future__ import annotations

from dataclasses import replace

from edgegen.ir import Graph, Op
from edgegen.ops.fully_connected import FullyConnected
from edgegen.passes.dead_code import remove_dead_code


def read_images_whole(graph: Graph) -> Graph:
    """The graph after all rules."""
    made_by = {op.outputs[0]: op for op in graph.ops}
    ops = tuple(_from_image(op, made_by, graph) for op in graph.ops)
    if ops == graph.ops:
        return graph
    return remove_dead_code(replace(graph, ops=ops))


def _from_image(op: Op, made_by: dict[str, Op], graph: Graph) -> Op:
    """The operator, with the image for its input where the rules are met."""
    if not isinstance(op, FullyConnected) or op.keep_num_dims or op.rows(graph.io(op)) != 1:
        return op
    name = op.inputs[0]
    while name in made_by:
        maker = made_by[name]
        alias = maker.alias_of(graph.io(maker))
        if alias is None:
            break
        name = maker.inputs[alias]
    assert name is not None
    shape = graph.tensor(name).type.shape
    if len(shape) != 4 or shape[0] != 1 or shape[1] == 1:
        return op
    return replace(op, inputs=(name, *op.inputs[1:]))

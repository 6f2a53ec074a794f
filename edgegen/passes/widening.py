"""DEQUANTIZE followed by QUANTIZE, from 8 bits, becomes one look-up: how int8 becomes int16.

TFLite 2.14 has no operator from int8 to int16, so files with layers of both kinds go through
float32 between them. Of 256 values each has one result, so that no real number is left to compute.
"""

from __future__ import annotations

from dataclasses import replace

from edgegen.ir import Graph, Op
from edgegen.ops.dequantize import Dequantize
from edgegen.ops.quantize import BYTES, Quantize


def fuse_widening(graph: Graph) -> Graph:
    """Makes the QUANTIZEs read the 8-bit tensors; a DEQUANTIZE stays while it has other readers."""
    sources = {
        op.outputs[0]: op.inputs[0]
        for op in graph.ops
        if isinstance(op, Dequantize) and graph.io(op).input(0).type.dtype in BYTES
    }
    ops: list[Op] = []
    for op in graph.ops:
        if isinstance(op, Quantize) and op.inputs[0] in sources:
            op = replace(op, inputs=(sources[op.inputs[0]],), through_real=True)
        ops.append(op)
    if tuple(ops) == graph.ops:
        return graph
    read = {*graph.outputs, *(name for op in ops for name in op.inputs)}
    gone = {name for name in sources if name not in read}
    return replace(
        graph,
        ops=tuple(op for op in ops if op.outputs[0] not in gone),
        tensors={n: t for n, t in graph.tensors.items() if n not in gone},
    )

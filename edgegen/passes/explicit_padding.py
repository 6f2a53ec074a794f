"""Puts borders into the convolutions and pools that read them: no padded copy is made.

Rules:
1. PAD of height and width before a VALID convolution, with the value that stands for 0, becomes the
   convolution's own padding.
2. So does PAD with the lowest value before a VALID maximum pool, since padding never wins.
3. The border must be narrower than the filter, and nothing else may read the padded tensor.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from edgegen.ir import DType, Graph, Op, OpIO
from edgegen.ops import rules
from edgegen.ops.conv2d import Conv2D
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.ops.max_pool2d import MaxPool2D
from edgegen.ops.pad import Pad
from edgegen.ops.window import Window

Windowed = Conv2D | DepthwiseConv2D | MaxPool2D


def absorb_padding(graph: Graph) -> Graph:
    """The graph after all rules."""
    readers = Counter(n for op in graph.ops for n in op.inputs if n is not None)
    readers.update(graph.outputs)
    pads = {op.outputs[0]: op for op in graph.ops if isinstance(op, Pad)}
    absorbed: set[str] = set()
    ops: list[Op] = []
    for op in graph.ops:
        found = None
        if isinstance(op, Windowed) and op.padding == "VALID":
            pad = pads.get(op.inputs[0] or "")
            if pad is not None and readers[pad.outputs[0]] == 1:
                found = _joined(op, pad, graph)
                absorbed.update(pad.outputs if found is not None else ())
        ops.append(op if found is None else found)
    if not absorbed:
        return graph
    kept = tuple(op for op in ops if absorbed.isdisjoint(op.outputs))
    tensors = {name: t for name, t in graph.tensors.items() if name not in absorbed}
    return replace(graph, ops=kept, tensors=tensors)


def _joined(op: Windowed, pad: Pad, graph: Graph) -> Op | None:
    """The operator with the border as its padding, None where a rule is not met."""
    io, source = graph.io(op), graph.io(pad)
    amounts = pad.amounts(source)
    if len(amounts) != 4 or amounts[0] != (0, 0) or amounts[3] != (0, 0):
        return None
    if _fill(source) != _neutral(op, source):
        return None
    vertical, horizontal = op.window() if isinstance(op, MaxPool2D) else op.window(io)
    _, height, width, _ = source.input(0).type.shape
    down, right = _needed(vertical, height, amounts[1]), _needed(horizontal, width, amounts[2])
    if down is None or right is None:
        return None
    return replace(
        op, inputs=(pad.inputs[0], *op.inputs[1:]), padding="EXPLICIT", pads=(*down, *right)
    )


def _needed(window: Window, inputs: int, amounts: tuple[int, int]) -> tuple[int, int] | None:
    """The border that windows reach, None where it is as wide as the filter."""
    before, after = amounts
    outputs = window.outputs(inputs + before + after)
    reach = (outputs - 1) * window.stride + window.extent
    after = max(reach - before - inputs, 0)
    same = replace(window, padding="EXPLICIT", pads=(before, after)).outputs(inputs) == outputs
    return (before, after) if max(before, after) < window.extent and same else None


def _fill(io: OpIO) -> float:
    """The border's value, as stored."""
    constant = io.optional(2)
    if constant is not None:
        return float(constant.values.ravel()[0])
    return 0.0 if rules.is_float(io) else float(io.output.type.zero_point)


def _neutral(op: Windowed, io: OpIO) -> float:
    """What the operator's own padding stands for."""
    kind = io.output.type
    if isinstance(op, MaxPool2D):
        lowest = np.finfo(np.float32).min if kind.dtype is DType.FLOAT32 else kind.dtype.limits[0]
        return float(lowest)
    return 0.0 if rules.is_float(io) else float(kind.zero_point)

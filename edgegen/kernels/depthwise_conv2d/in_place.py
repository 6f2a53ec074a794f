"""What the depthwise kernels share that may write over their own input."""

from __future__ import annotations

from edgegen.ir import OpIO
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D


def reject_in_place(op: DepthwiseConv2D, io: OpIO) -> str:
    """Why outputs do not lie where inputs do; empty when they do."""
    if io.input(0).data is not None:
        return "the input is a constant"
    if op.multiplier(io) != 1:
        return "the depth multiplier is not 1"
    if any(w.stride != 1 for w in op.window(io)):
        return "a stride is not 1"
    if io.output.type.shape != io.input(0).type.shape:
        return "the output is smaller than the input"
    return ""

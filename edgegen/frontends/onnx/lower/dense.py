"""Fully connected layers."""

from __future__ import annotations

from edgegen.frontends.onnx.lower.emitter import Emitter
from edgegen.frontends.onnx.lower.registry import lowers
from edgegen.frontends.onnx.lower.weighted import bias, weights
from edgegen.frontends.onnx.model import Node


@lowers("Dense")
def dense(emitter: Emitter, node: Node) -> None:
    """The fused form of Gemm, MatMul and MatMul with Add: weights [units, depth]."""
    units = emitter.shape(node.inputs[1])[0]
    w = weights(emitter, node, (0, 1), 0)
    b = bias(emitter, node, w, units)
    x = emitter.read(node.inputs[0])
    shape = emitter.shape(node.outputs[0])
    if len(emitter.shape(node.inputs[0])) == 1:
        # A vector times a matrix.
        x = emitter.reshaped(node, x, (1, *emitter.shape(node.inputs[0])))
        shape = (1, units)
    written = emitter.target(node.outputs[0], shape)
    emitter.emit(
        node,
        "FULLY_CONNECTED",
        [x, w] if b is None else [x, w, b],
        written,
        keep_num_dims=len(shape) > 2,
        fused_activation_function=node.activation,
    )
    emitter.finish(node, written, node.outputs[0])

"""QOperator nodes in QDQ form: dequantise, the float operator, quantise.

Sources: ONNX operators QLinearConv and QLinearMatMul; onnxruntime ContribOperators.md
(com.microsoft: QGemm, QLinearAdd, ...). An int32 bias stays as it is: its scale is the product of
those of input and weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edgegen.errors import UnsupportedError
from edgegen.frontends.onnx.load import QUANTISED_DOMAIN
from edgegen.frontends.onnx.model import Node

Triple = tuple[str, str, str]
"""Names of a quantised value, its scale and its zero point."""


@dataclass(frozen=True)
class Parts:
    """What a QOperator node is made of.

    Attributes:
        op: the float operator.
        reads: quantised inputs in the float operator's order.
        extra: inputs that follow unchanged, such as an int32 bias.
        scale: name of the output's scale; empty where the output is float.
        zero_point: name of the output's zero point.
        attributes: the float operator's.
    """

    op: str
    reads: tuple[Triple, ...]
    extra: tuple[str, ...]
    scale: str
    zero_point: str
    attributes: Mapping[str, Any]


def _triple(node: Node, first: int) -> Triple:
    return node.input(first), node.input(first + 1), node.input(first + 2)


def _conv(node: Node) -> Parts:
    reads = (_triple(node, 0), _triple(node, 3))
    extra = (node.input(8),) if node.input(8) else ()
    return Parts("Conv", reads, extra, node.input(6), node.input(7), node.attributes)


def _gemm(node: Node) -> Parts:
    reads = (_triple(node, 0), _triple(node, 3))
    extra = (node.input(6),) if node.input(6) else ()
    return Parts("Gemm", reads, extra, node.input(7), node.input(8), node.attributes)


def _binary(op: str) -> Callable[[Node], Parts]:
    def split(node: Node) -> Parts:
        reads = (_triple(node, 0), _triple(node, 3))
        return Parts(op, reads, (), node.input(6), node.input(7), node.attributes)

    return split


def _unary(op: str) -> Callable[[Node], Parts]:
    def split(node: Node) -> Parts:
        attributes = {k: v for k, v in node.attributes.items() if k not in _OWN_ATTRIBUTES}
        if node.integer("channels_last", 0):
            raise UnsupportedError("channels_last is not supported")
        # `opset` of QLinearSoftmax says which definition of softmax is meant: up to 12 it flattens
        # all dimensions from the axis on. For the last one this is the same.
        if op == "Softmax" and node.integer("opset", 13) < 13 and node.integer("axis", -1) != -1:
            raise UnsupportedError("softmax as up to opset 12 is supported for the last axis only")
        return Parts(op, (_triple(node, 0),), (), node.input(3), node.input(4), attributes)

    return split


def _concat(node: Node) -> Parts:
    reads = tuple(_triple(node, i) for i in range(2, len(node.inputs), 3))
    return Parts("Concat", reads, (), node.input(0), node.input(1), node.attributes)


_OWN_ATTRIBUTES = ("opset", "channels_last")
"""Attributes that the float operators do not have."""

_SPLITS: Mapping[tuple[str, str], Callable[[Node], Parts]] = {
    ("", "QLinearConv"): _conv,
    ("", "QLinearMatMul"): _binary("MatMul"),
    (QUANTISED_DOMAIN, "QGemm"): _gemm,
    (QUANTISED_DOMAIN, "QLinearAdd"): _binary("Add"),
    (QUANTISED_DOMAIN, "QLinearMul"): _binary("Mul"),
    (QUANTISED_DOMAIN, "QLinearConcat"): _concat,
    (QUANTISED_DOMAIN, "QLinearSigmoid"): _unary("Sigmoid"),
    (QUANTISED_DOMAIN, "QLinearLeakyRelu"): _unary("LeakyRelu"),
    (QUANTISED_DOMAIN, "QLinearSoftmax"): _unary("Softmax"),
    (QUANTISED_DOMAIN, "QLinearAveragePool"): _unary("AveragePool"),
    (QUANTISED_DOMAIN, "QLinearGlobalAveragePool"): _unary("GlobalAveragePool"),
    (QUANTISED_DOMAIN, "QLinearReduceMean"): _unary("ReduceMean"),
}

QOPERATORS = tuple(sorted(op for _, op in _SPLITS))
"""Names of the QOperator nodes that are understood."""


def expand(node: Node, fresh: Callable[[str], str]) -> tuple[Node, ...]:
    """The nodes that stand for `node`; itself when it is no QOperator node.

    Args:
        node: any node.
        fresh: makes an unused name from a base.
    """
    if node.op in ("QuantizeLinear", "DequantizeLinear") and node.domain == QUANTISED_DOMAIN:
        return (replace(node, domain=""),)
    split = _SPLITS.get((node.domain, node.op))
    if split is None:
        return (node,)
    parts = split(node)
    nodes: list[Node] = []
    inputs: list[str] = []
    for name, scale, zero_point in parts.reads:
        if not name or not scale:
            inputs.append("")
            continue
        real = fresh(f"{name}_real")
        nodes.append(_convert(node, "DequantizeLinear", (name, scale, zero_point), real))
        inputs.append(real)
    result = fresh(f"{node.outputs[0]}_real") if parts.scale else node.outputs[0]
    nodes.append(
        replace(
            node,
            op=parts.op,
            domain="",
            inputs=(*inputs, *parts.extra),
            outputs=(result,),
            attributes=parts.attributes,
        )
    )
    if parts.scale:
        target = (result, parts.scale, parts.zero_point)
        nodes.append(_convert(node, "QuantizeLinear", target, node.outputs[0]))
    return tuple(nodes)


def _convert(node: Node, op: str, inputs: Triple, output: str) -> Node:
    # Weights have one scale for each filter: dimension 0 of Conv's, 1 of a matrix.
    axis = 0 if node.op == "QLinearConv" else 1
    if node.op == "QGemm":
        axis = 0 if node.integer("transB", 0) else 1
    names = inputs if inputs[2] else inputs[:2]
    return replace(
        node, op=op, domain="", inputs=names, outputs=(output,), attributes={"axis": axis}
    )

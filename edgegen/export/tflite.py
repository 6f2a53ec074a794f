"""Writes a graph as a .tflite file: the inverse of reading one and building its graph."""

from __future__ import annotations

from edgegen.errors import EdgegenError, Problem, UnsupportedError
from edgegen.export.flatbuffer import OperatorSpec, TensorSpec, write_model
from edgegen.ir import Graph, Tensor
from edgegen.ir.raw import RawNode

DESCRIPTION = "edgegen"


def write(graph: Graph) -> bytes:
    """The bytes of the .tflite file of a verified graph; equal graphs give equal bytes.

    Tensors keep their names and come in the order in which operators use them; those that nothing
    uses are left out.

    Raises:
        UnsupportedError: listing every operator that TFLite does not have, or another rounding.
    """
    nodes: list[RawNode] = []
    problems: list[Problem] = []
    for op in graph.ops:
        try:
            nodes.append(op.node(graph.io(op)))
        except EdgegenError as error:
            problems += error.problems
    if any(t.type.rounds_once for t in graph.tensors.values()):
        problems.append(
            Problem(
                "the model rounds once, as ONNX defines its quantised operators",
                why="TFLite's kernels round twice: the file would give other results",
                hint="quantise the float model with `edgegen quantize` instead",
            )
        )
    if problems:
        raise UnsupportedError(problems)
    index = _tensor_index(graph, nodes)
    return write_model(
        [_tensor(graph.tensor(name)) for name in index],
        [_operator(node, index) for node in nodes],
        [index[name] for name in graph.inputs],
        [index[name] for name in graph.outputs],
        DESCRIPTION,
    )


def _tensor_index(graph: Graph, nodes: list[RawNode]) -> dict[str, int]:
    used = dict.fromkeys(graph.inputs)
    for node in nodes:
        used |= dict.fromkeys(n for n in (*node.inputs, *node.outputs) if n is not None)
    used |= dict.fromkeys(graph.outputs)
    return {name: i for i, name in enumerate(used)}


def _tensor(tensor: Tensor) -> TensorSpec:
    quant = tensor.type.quant
    return TensorSpec(
        tensor.name,
        tensor.type.dtype.value,
        tensor.type.shape,
        () if quant is None else quant.scales,
        () if quant is None else quant.zero_points,
        0 if quant is None or quant.axis is None else quant.axis,
        tensor.data,
    )


def _operator(node: RawNode, index: dict[str, int]) -> OperatorSpec:
    return OperatorSpec(
        node.type,
        node.version,
        tuple(-1 if n is None else index[n] for n in node.inputs),
        tuple(index[n] for n in node.outputs),
        dict(node.attributes) or None,
    )

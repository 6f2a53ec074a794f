"""Shapes and constants: one walk over the graph after which every value's type is known.

What depends on shapes and constants only is computed here, so that the chains that exporters make
of Shape, Gather, Concat, ... vanish. Shapes come from ONNX's own inference, operator by operator.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from edgegen.errors import (
    EdgegenError,
    ModelError,
    Problem,
    UnsupportedError,
)
from edgegen.frontends.onnx import proto
from edgegen.frontends.onnx.infer import evaluate, infer, quantized
from edgegen.frontends.onnx.model import (
    MAX_ELEMENTS,
    Array,
    Model,
    Node,
    Shape,
    Value,
    constant,
    live,
)
from edgegen.frontends.onnx.qoperator import expand

MAX_FOLDED = 1 << 22
"""Largest constant that is computed, in elements."""

FOLDABLE = frozenset(
    "Abs Add And Cast CastLike Ceil Clip Concat ConstantOfShape Cos CumSum Div Equal Erf Exp "
    "Expand Flatten Floor Gather GatherElements GatherND Greater GreaterOrEqual Identity Less "
    "LessOrEqual Log Max Min Mod Mul Neg NonZero Not OneHot Or Pad Pow Range "
    "Reciprocal "
    "ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum Relu Reshape Round ScatterElements "
    "ScatterND Sigmoid Sign Sin Slice Split Sqrt Squeeze Sub Sum Tanh Tile Transpose Trilu "
    "Unsqueeze Where Xor".split()
)
"""Operators that are computed when all their inputs are constants; the others never are."""

SUBGRAPHS = ("If", "Loop", "Scan", "SequenceMap")


def settle(message: Any, shapes: Mapping[str, Shape]) -> Model:
    """The model with every type known.

    Args:
        message: a checked ModelProto.
        shapes: the user's shapes of inputs, by name.

    Raises:
        EdgegenError: something is unknown, contradictory or not supported.
    """
    graph = message.graph
    values = proto.initialisers(graph)
    inputs = tuple(i.name for i in graph.input if i.name not in values)
    values |= _input_values(graph, inputs, shapes)
    walk = _Walk(proto.opset(message), values)
    for node in proto.nodes_of(graph):
        for part in expand(node, walk.fresh):
            walk.visit(part)
    if walk.problems:
        raise UnsupportedError(walk.problems)
    outputs = tuple(walk.resolve(o.name) for o in graph.output)
    missing = [o.name for o, name in zip(graph.output, outputs, strict=True) if name not in values]
    if missing:
        raise ModelError(f"graph outputs {missing} are never computed")
    nodes, values = _own_outputs(graph, outputs, walk)
    names = tuple(o.name for o in graph.output)
    return Model(walk.opset, live(nodes, names), values, inputs, names)


def _own_outputs(
    graph: Any, outputs: Shape | tuple[str, ...], walk: _Walk
) -> tuple[list[Node], dict[str, Value]]:
    """Gives every graph output a producer of its own where it only renames another value."""
    nodes, values = list(walk.nodes), walk.values
    for info, name in zip(graph.output, outputs, strict=True):
        if info.name != name:
            values[info.name] = values[str(name)]
            node = Node(len(graph.node), "Identity", "Identity", "", (str(name),), (info.name,), {})
            nodes.append(node)
    return nodes, values


def _input_values(
    graph: Any, inputs: tuple[str, ...], shapes: Mapping[str, Shape]
) -> dict[str, Value]:
    """The graph inputs with fixed shapes: the user's, else the batch pinned to 1.

    Raises:
        InputError, UnsupportedError: a shape stays unknown, or the user's does not fit.
    """
    problems: list[Problem] = []
    found = {}
    for info in graph.input:
        if info.name not in inputs:
            continue
        dtype, declared = proto.declared_shape(info)
        shape = _fixed_shape(info.name, declared, shapes.get(info.name), problems)
        if shape is not None:
            found[info.name] = Value(dtype, shape)
    problems += [
        Problem(f"the model has no input {name!r}", hint=f"its inputs: {', '.join(inputs)}")
        for name in shapes
        if name not in inputs
    ]
    if problems:
        raise UnsupportedError(problems)
    return found


def _fixed_shape(
    name: str,
    declared: tuple[int | str, ...] | None,
    wanted: Shape | None,
    problems: list[Problem],
) -> Shape | None:
    """The shape of one input, or a problem."""
    if declared is None:
        if wanted is None:
            problems.append(Problem(f"input {name!r} has no shape", hint=f"--shape {name}=1,..."))
        return wanted
    if wanted is not None:
        fits = len(wanted) == len(declared)
        if not fits:
            problems.append(
                Problem(f"input {name!r} has {len(declared)} dimensions, --shape {len(wanted)}")
            )
        return wanted if fits else None
    # An unknown first dimension is the batch: microcontrollers see one input at a time.
    fixed = [1 if i == 0 and isinstance(d, str) else d for i, d in enumerate(declared)]
    if any(isinstance(d, str) or d < 1 for d in fixed) or len(fixed) > 8:
        text = ", ".join(str(d) if d != "" else "?" for d in fixed)
        example = ",".join(str(d) if isinstance(d, int) and d > 0 else "N" for d in fixed)
        problems.append(
            Problem(
                f"input {name!r} has the shape [{text}]",
                why="every dimension but the batch must be known when the code is generated",
                hint=f"--shape {name}={example} with numbers for N",
            )
        )
        return None
    shape = tuple(int(d) for d in fixed)
    if math.prod(shape) > MAX_ELEMENTS:
        problems.append(Problem(f"input {name!r} has the shape {list(shape)}"))
        return None
    return shape


class _Walk:
    """State of the walk: values so far, nodes that remain, names that stand for others."""

    def __init__(self, opset: int, values: dict[str, Value]) -> None:
        self.opset = opset
        self.values = values
        self.nodes: list[Node] = []
        self.problems: list[Problem] = []
        self.renamed: dict[str, str] = {}
        self.unknown: set[str] = set()

    def fresh(self, base: str) -> str:
        name, count = base, 1
        while name in self.values or name in self.renamed or name in self.unknown:
            count += 1
            name = f"{base}_{count}"
        self.unknown.add(name)
        return name

    def resolve(self, name: str) -> str:
        return self.renamed.get(name, name)

    def visit(self, node: Node) -> None:
        """Folds, renames or keeps one node."""
        node = replace(node, inputs=tuple(self.resolve(n) for n in node.inputs))
        where = f"op {node.index} {node.source}"
        if any(n and n not in self.values for n in node.inputs):
            # What is missing was reported where it should have been computed.
            if not self.problems:
                raise ModelError(Problem("it reads a value that is never computed", where))
            return
        try:
            self._visit(node)
        except EdgegenError as error:
            self.problems += [replace(p, where=p.where or where) for p in error.problems]

    def _visit(self, node: Node) -> None:
        inputs = [self.values[n] if n else None for n in node.inputs]
        if node.op == "If" and inputs[0] is not None and inputs[0].data is not None:
            self._take_branch(node, bool(inputs[0].data))
            return
        if node.op in SUBGRAPHS or any(
            hasattr(v, "SerializeToString") for v in node.attributes.values()
        ):
            raise UnsupportedError(
                Problem(
                    f"control flow ({node.op}) is not supported",
                    hint="export the model without loops and conditions, or unroll them",
                )
            )
        if node.op == "Constant":
            self._define(node, [_constant_value(node)])
        elif node.op == "Shape" and inputs[0] is not None:
            shape = inputs[0].shape
            end = node.integer("end", len(shape))
            self._define(node, [np.array(shape[node.integer("start", 0) : end], np.int64)])
        elif node.op == "Size" and inputs[0] is not None:
            self._define(node, [np.array(math.prod(inputs[0].shape), np.int64)])
        elif self._is_nothing(node, inputs):
            self.renamed[node.outputs[0]] = node.inputs[0]
        else:
            self._compute(node, inputs)

    def _take_branch(self, node: Node, condition: bool) -> None:
        """Visits the nodes of the branch that a constant condition chooses."""
        graph = node.attributes["then_branch" if condition else "else_branch"]
        # Names are unique in a model, subgraphs included: the branch sees what is around it.
        self.values.update(proto.initialisers(graph))
        for inner in proto.nodes_of(graph):
            for part in expand(inner, self.fresh):
                self.visit(replace(part, index=node.index))
        for name, source in zip(node.outputs, (o.name for o in graph.output), strict=True):
            if name:
                self.renamed[name] = self.resolve(source)

    def _compute(self, node: Node, inputs: list[Value | None]) -> None:
        types = self._infer(node, inputs)
        known = all(v is None or v.data is not None for v in inputs)
        small = all(math.prod(t.shape) <= MAX_FOLDED for t in types)
        if node.op == "QuantizeLinear" and known and small:
            self._define(node, [quantized(inputs, types[0].dtype, node.integer("axis", 1))])
            return
        if node.op in FOLDABLE and known and small:
            self._define(node, evaluate(node, inputs, self.opset))
            return
        for name, kind in zip(node.outputs, types, strict=True):
            if name and 0 in kind.shape:
                raise UnsupportedError(f"{name!r} has the shape {list(kind.shape)}: no elements")
            if name:
                self.values[name] = kind
        self.nodes.append(node)

    def _define(self, node: Node, data: list[Array]) -> None:
        for name, array in zip(node.outputs, data, strict=False):
            if name:
                self.values[name] = constant(array)

    def _is_nothing(self, node: Node, inputs: list[Value | None]) -> bool:
        """Whether the node only passes its first input on."""
        if node.op == "Identity":
            return True
        if node.op == "Dropout":
            mode = inputs[2] if len(inputs) > 2 else None
            training = mode is not None and (mode.data is None or bool(mode.data))
            return not training and not any(node.outputs[1:])
        if node.op in ("Cast", "CastLike") and inputs[0] is not None:
            (kind,) = self._infer(node, inputs)
            return kind.dtype == inputs[0].dtype
        return False

    def _infer(self, node: Node, inputs: list[Value | None]) -> list[Value]:
        """Types of the outputs; one of rank 0 for an output that is left out."""
        if node.op in ("QuantizeLinear", "DequantizeLinear") and inputs and inputs[0] is not None:
            return [Value(_converted(node, inputs), inputs[0].shape)]
        return infer(node, inputs, self.opset)


def _constant_value(node: Node) -> Array:
    for name, dtype in (
        ("value", None),
        ("value_int", np.int64),
        ("value_ints", np.int64),
        ("value_float", np.float32),
        ("value_floats", np.float32),
    ):
        if name in node.attributes:
            return np.array(node.attributes[name], dtype)
    raise UnsupportedError("a constant that is neither a tensor nor numbers")


def _converted(node: Node, inputs: list[Value | None]) -> np.dtype[Any]:
    """Element type that QuantizeLinear or DequantizeLinear gives."""
    if node.op == "DequantizeLinear":
        return np.dtype(np.float32)
    zero_point = inputs[2] if len(inputs) > 2 else None
    if zero_point is not None:
        return zero_point.dtype
    code = node.integer("output_dtype", 0)
    if code:
        return proto.element_type(code)
    return np.dtype(np.uint8)

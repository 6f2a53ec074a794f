"""Collects the IR's operators while nodes are lowered one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgegen.errors import EdgegenError, Problem, UnsupportedError
from edgegen.frontends.onnx.general.registry import lower_generally
from edgegen.frontends.onnx.lower.registry import Rule, rules
from edgegen.frontends.onnx.model import Array, Model, Node, Shape, Value
from edgegen.ir import DType, QuantParams, TensorType
from edgegen.ir.raw import Attribute, RawGraph, RawNode, RawTensor


def lower(model: Model, input_layout: str = "model", output_layout: str = "model") -> RawGraph:
    """The model in the IR's terms.

    Args:
        model: settled, fused, and with quantised values.
        input_layout: `model`, or `nhwc` to have graph inputs channels last.
        output_layout: the same for graph outputs.

    Raises:
        UnsupportedError: listing every operator that cannot be expressed.
    """
    emitter = Emitter(model)
    inputs = tuple(emitter.open(n, last=input_layout == "nhwc") for n in model.inputs)
    problems: list[Problem] = []
    table = rules()
    for node in model.nodes:
        where = f"op {node.index} {node.source}"
        try:
            emitter.lower(node, table.get(node.op) if not node.domain else None)
        except EdgegenError as error:
            problems += [replace(p, where=p.where or where) for p in error.problems]
    if problems:
        raise UnsupportedError(problems)
    outputs = tuple(emitter.close(n, last=output_layout == "nhwc") for n in model.outputs)
    graph = RawGraph(emitter.tensors, tuple(emitter.nodes), inputs, outputs)
    ports = dict(zip((*inputs, *outputs), (*model.inputs, *model.outputs), strict=True))
    named = with_port_names(graph, ports)
    if not emitter.images:
        return named
    asked = {
        **dict.fromkeys(named.outputs, output_layout),
        **dict.fromkeys(named.inputs, input_layout),
    }
    ranks = {name: len(named.tensors[name].type.shape) for name in asked}
    return replace(
        named,
        layouts={n: AXES[ranks[n]][way == "nhwc"] for n, way in asked.items() if ranks[n] in AXES},
    )


AXES = {3: ("NCW", "NWC"), 4: ("NCHW", "NHWC")}
"""Names of the axes of images by their number, channels first and last."""


def with_port_names(graph: RawGraph, ports: Mapping[str, str]) -> RawGraph:
    """Gives graph inputs and outputs the model's names, and what had them other ones."""
    moved = {port: name for port, name in ports.items() if port != name}
    if not moved:
        return graph
    names = dict(moved)
    for name in moved.values():
        if name in graph.tensors and name not in names:
            inner = f"{name}_inner"
            while inner in graph.tensors:
                inner += "_"
            names[name] = inner

    def new(name: str) -> str:
        return names.get(name, name)

    tensors = {new(n): replace(t, name=new(n)) for n, t in graph.tensors.items()}
    nodes = tuple(
        replace(
            n,
            inputs=tuple(None if i is None else new(i) for i in n.inputs),
            outputs=tuple(new(o) for o in n.outputs),
        )
        for n in graph.nodes
    )
    return RawGraph(tensors, nodes, tuple(map(new, graph.inputs)), tuple(map(new, graph.outputs)))


def to_last(rank: int) -> Shape:
    """The order of axes that puts channels last.

    >>> to_last(4), to_last(3)
    ((0, 2, 3, 1), (0, 2, 1))
    """
    return (0, *range(2, rank), 1)


def from_last(rank: int) -> Shape:
    """The order of axes that puts the last one second.

    >>> from_last(4), from_last(3)
    ((0, 3, 1, 2), (0, 2, 1))
    """
    return (0, rank - 1, *range(1, rank - 1))


def permuted(shape: Sequence[int], order: Sequence[int]) -> Shape:
    """The shape after a transposition."""
    return tuple(shape[i] for i in order)


class Emitter:
    """Operators and tensors so far.

    Attributes:
        model: what is lowered.
        tensors: by name, as `RawGraph` has them.
        nodes: in order.
        images: whether any operator works on images, so that orders of axes have names.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.tensors: dict[str, RawTensor] = {}
        self.nodes: list[RawNode] = []
        self.images = False

    # --- types and names

    def value(self, name: str) -> Value:
        """What the front end knows about a name."""
        return self.model.values[name]

    def shape(self, name: str) -> Shape:
        """The shape of a value."""
        return self.model.values[name].shape

    def kind(self, value: Value, shape: Shape | None = None) -> TensorType:
        """The IR's type of a value, perhaps in another shape.

        Raises:
            UnsupportedError: the IR has no such element type.
        """
        try:
            dtype = DType(value.dtype.name)
        except ValueError as error:
            raise UnsupportedError(
                Problem(
                    f"element type {value.dtype.name} is not supported",
                    hint="export the model in float32, or quantise it to int8",
                )
            ) from error
        return TensorType(dtype, value.shape if shape is None else shape, value.quant)

    def is_integer(self, node: Node) -> bool:
        """Whether the node works on quantised values."""
        return self.value(node.outputs[0]).quant is not None

    def _fresh(self, base: str) -> str:
        name, count = base, 1
        while name in self.tensors or (name in self.model.values and count == 1):
            count += 1
            name = f"{base}_{count}"
        return name

    def constant(self, base: str, data: Array, quant: QuantParams | None = None) -> str:
        """Adds a constant and returns its name."""
        name = self._fresh(base)
        data = np.ascontiguousarray(data).reshape(np.shape(data))
        kind = self.kind(Value(data.dtype, data.shape, None, quant))
        self.tensors[name] = RawTensor(name, kind, data)
        return name

    def read(self, name: str) -> str:
        """The tensor of a value; a constant becomes one."""
        if name not in self.tensors:
            value = self.value(name)
            self.tensors[name] = RawTensor(name, self.kind(value), value.data)
        return name

    # --- operators

    def emit(
        self,
        node: Node,
        kind: str,
        inputs: Sequence[str | None],
        output: str,
        **attributes: Attribute,
    ) -> str:
        """Adds an operator whose output tensor exists, and returns that."""
        self.nodes.append(
            RawNode(
                len(self.nodes),
                kind,
                self.model.opset,
                tuple(inputs),
                (output,),
                attributes,
                source=node.source,
                place=node.index,
            )
        )
        return output

    def temporary(self, base: str, kind: TensorType) -> str:
        """A new tensor between operators of one node."""
        name = self._fresh(base)
        self.tensors[name] = RawTensor(name, kind)
        return name

    def target(
        self, name: str, shape: Shape | None = None, quant: QuantParams | None = None
    ) -> str:
        """The tensor that an operator writes for a value.

        It is the value's own where shape and quantisation are the value's; otherwise a temporary
        that `finish` converts.

        Args:
            name: the value.
            shape: what the operator gives; None for the value's.
            quant: the quantisation that the operator gives; None for the value's.
        """
        value = self.value(name)
        kind = self.kind(value, shape)
        if quant is not None and value.quant is not None:
            kind = replace(kind, quant=quant)
        if kind == self.kind(value):
            self.tensors[name] = RawTensor(name, kind)
            return name
        return self.temporary(f"{name}_raw", kind)

    def finish(self, node: Node, written: str, name: str, order: Shape | None = None) -> None:
        """Brings what an operator wrote to a value's quantisation, order of axes, and shape."""
        value = self.kind(self.value(name))
        if written == name:
            return
        kind = self.tensors[written].type
        if kind.quant != value.quant:
            last = order is None and kind.shape == value.shape
            goal = replace(kind, quant=value.quant)
            written = self.emit(node, "QUANTIZE", [written], self._end(name, goal, last=last))
        if order is not None:
            goal = replace(value, shape=permuted(self.tensors[written].type.shape, order))
            last = goal.shape == value.shape
            written = self.transpose(node, written, order, self._end(name, goal, last=last))
        if written != name:
            self.reshape(node, written, self._end(name, value, last=True))

    def _end(self, name: str, kind: TensorType, *, last: bool) -> str:
        if not last:
            return self.temporary(f"{name}_raw", kind)
        self.tensors[name] = RawTensor(name, kind)
        return name

    def transpose(self, node: Node, name: str, order: Shape, output: str | None = None) -> str:
        """A tensor with its axes in another order."""
        kind = self.tensors[name].type
        if output is None:
            goal = replace(kind, shape=permuted(kind.shape, order))
            output = self.temporary(f"{name}_last", goal)
        axes = self.constant("order", np.array(order, np.int32))
        return self.emit(node, "TRANSPOSE", [name, axes], output)

    def reshape(self, node: Node, name: str, output: str) -> str:
        """A tensor in the shape of `output`."""
        shape = self.tensors[output].type.shape
        return self.emit(
            node, "RESHAPE", [name, self.constant("shape", np.array(shape, np.int32))], output
        )

    def reshaped(self, node: Node, name: str, shape: Shape) -> str:
        """A tensor in another shape; itself where it has that."""
        kind = self.tensors[name].type
        if kind.shape == shape:
            return name
        return self.reshape(
            node, name, self.temporary(f"{name}_shaped", replace(kind, shape=shape))
        )

    def requantised(self, node: Node, name: str, quant: QuantParams | None) -> str:
        """A value's tensor with a certain quantisation."""
        value = self.value(name)
        read = self.read(name)
        if value.quant == quant or quant is None or value.quant is None:
            return read
        goal = replace(self.tensors[read].type, quant=quant)
        return self.emit(node, "QUANTIZE", [read], self.temporary(f"{name}_scaled", goal))

    def channels_last(self, node: Node, name: str) -> str:
        """A value as [N, H, W, C]; one with a single image dimension gets a height of 1."""
        self.images = True
        rank = len(self.shape(name))
        moved = self.transpose(node, self.read(name), to_last(rank))
        if rank == 3:
            n, w, c = self.tensors[moved].type.shape
            return self.reshaped(node, moved, (n, 1, w, c))
        return moved

    def channels_last_target(self, name: str, quant: QuantParams | None = None) -> str:
        """Where an operator on [N, H, W, C] writes a value."""
        shape = permuted(self.shape(name), to_last(len(self.shape(name))))
        if len(shape) == 3:
            shape = (shape[0], 1, *shape[1:])
        kind = self.kind(self.value(name), shape)
        if quant is not None and kind.quant is not None:
            kind = replace(kind, quant=quant)
        return self.temporary(f"{name}_last", kind)

    def finish_channels_last(self, node: Node, written: str, name: str) -> None:
        """Brings what an operator on [N, H, W, C] wrote to the value's own order."""
        rank = len(self.shape(name))
        if rank == 3:
            n, _, w, c = self.tensors[written].type.shape
            written = self.reshaped(node, written, (n, w, c))
        self.finish(node, written, name, from_last(rank))

    def lower(self, node: Node, rule: Rule | None) -> None:
        """Lowers one node: by its own rule, else by a general one, else under its ONNX name."""
        before = len(self.nodes)
        refusal: UnsupportedError | None = None
        try:
            if rule is not None and rule(self, node) is not False:
                return
        except UnsupportedError as error:
            refusal = error
        # What the rule wrote before it gave up is of no use.
        del self.nodes[before:]
        if lower_generally(self, node):
            return
        if refusal is not None:
            raise refusal
        self.pass_on(node)

    def pass_on(self, node: Node) -> None:
        """Adds a node under its ONNX name."""
        self.nodes.append(
            RawNode(
                len(self.nodes),
                node.op,
                self.model.opset,
                tuple(self.read(n) if n else None for n in node.inputs),
                tuple(self._output(n) for n in node.outputs if n),
                {k: _plain(v) for k, v in node.attributes.items()},
                source=node.source,
                place=node.index,
            )
        )

    def _output(self, name: str) -> str:
        self.tensors[name] = RawTensor(name, self.kind(self.value(name)))
        return name

    # --- the graph's inputs and outputs

    def open(self, name: str, *, last: bool) -> str:
        """Adds a graph input, as the user gives it, and what converts it to the model's value."""
        value = self.value(name)
        node = Node(-1, "Input", "Input", "", (), (name,), {})
        kind = self.kind(value)
        port = name
        if last and value.rank in (3, 4):
            shape = permuted(value.shape, to_last(value.rank))
            kind = replace(kind, shape=shape)
            port = f"{name}_nhwc"
        if value.unsigned and value.quant is not None:
            kind = replace(kind, dtype=DType.UINT8, quant=_moved(value.quant, 128))
            port = f"{name}_uint8"
        self.tensors[port] = RawTensor(port, kind)
        written = port
        if kind.dtype is DType.UINT8 and value.unsigned:
            goal = replace(kind, dtype=DType.INT8, quant=value.quant)
            final = goal.shape == value.shape and not (last and value.rank in (3, 4))
            written = self.emit(node, "QUANTIZE", [port], self._end(name, goal, last=final))
        if last and value.rank in (3, 4):
            goal = self.kind(value)
            self.transpose(node, written, from_last(value.rank), self._end(name, goal, last=True))
        return port

    def close(self, name: str, *, last: bool) -> str:
        """Converts a value to a graph output as the user gets it, and returns that."""
        value = self.value(name)
        node = Node(len(self.model.nodes), "Output", "Output", "", (name,), (), {})
        tensor = self.read(name)
        if self.tensors[tensor].data is not None:
            if not self.tensors[tensor].type.elements:
                raise UnsupportedError(f"output {name!r} has no elements")
            # Generated code has no constant outputs: the constant is copied.
            copy = self.temporary(f"{name}_copy", self.tensors[tensor].type)
            tensor = self.emit(node, "pointwise", [tensor], copy, function="identity")
        if last and value.rank in (3, 4):
            tensor = self.transpose(node, tensor, to_last(value.rank))
        if value.unsigned and value.quant is not None:
            kind = replace(
                self.tensors[tensor].type, dtype=DType.UINT8, quant=_moved(value.quant, 128)
            )
            tensor = self.emit(node, "QUANTIZE", [tensor], self.temporary(f"{name}_uint8", kind))
        return tensor


def _moved(quant: QuantParams, by: int) -> QuantParams:
    """The same scale with another zero point."""
    return replace(quant, zero_points=tuple(z + by for z in quant.zero_points))


def _plain(value: Any) -> Attribute:
    """An attribute as `RawNode` holds it."""
    if isinstance(value, np.ndarray):
        raise UnsupportedError("an attribute is a tensor")
    if isinstance(value, (bool, int, float, str)):
        return value
    return tuple(value)

"""ONNX models as plain Python objects: what all stages of the front end work on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgegen.errors import ModelError, Problem
from edgegen.ir import QuantParams

Array = npt.NDArray[Any]
Shape = tuple[int, ...]

MAX_ELEMENTS = 1 << 26
"""Largest tensor that is accepted, in elements."""


@dataclass(frozen=True)
class Value:
    """A named value: its numpy dtype and shape, its data where it is known when compiling.

    Attributes:
        dtype: numpy element type.
        shape: all dimensions known.
        data: read-only array of a constant; None for what is computed from the inputs.
        quant: where a quantised integer stands for the real number; the dtype is then int8, int16
            or int32, since uint8 is moved to int8 by 128.
        unsigned: the file has it as uint8; inputs and outputs of the model keep that.
    """

    dtype: np.dtype[Any]
    shape: Shape
    data: Array | None = field(default=None, compare=False, repr=False)
    quant: QuantParams | None = None
    unsigned: bool = False

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self.shape)


def to_int8(name: str, steps: Array, limit: int = -128) -> Array:
    """Rounded real numbers as int8, saturated.

    Args:
        name: whose they are, for the message.
        steps: float64, in units of the scale, zero point added.
        limit: lowest value.

    Raises:
        ModelError: a number is not finite.
    """
    if not np.isfinite(steps).all():
        raise ModelError(Problem(f"constant {name!r} holds numbers that are not finite"))
    result: Array = np.clip(np.rint(steps), limit, 127).astype(np.int8)
    return result


def constant(data: Array, quant: QuantParams | None = None) -> Value:
    """A value that is known when compiling."""
    data = np.asarray(data)
    data.flags.writeable = False
    return Value(data.dtype, data.shape, data, quant)


@dataclass(frozen=True)
class Node:
    """An operator.

    Attributes:
        index: position in the file's graph.
        op: operator type; rewritten nodes carry that of what they became.
        source: operator type in the file, for messages and reports.
        domain: empty for ONNX's own operators.
        inputs: names; empty where an optional input is left out.
        outputs: names; empty where an optional output is left out.
        attributes: plain Python values; tensors as arrays, strings as str.
        activation: what is applied to the result, as TFLite names it.
    """

    index: int
    op: str
    source: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    activation: str = "NONE"

    def input(self, position: int) -> str:
        """The name of an input; empty where it is left out."""
        return self.inputs[position] if position < len(self.inputs) else ""

    def integer(self, name: str, default: int) -> int:
        """An integer attribute."""
        value = self.attributes.get(name, default)
        return value if isinstance(value, int) else default

    def number(self, name: str, default: float) -> float:
        """A real attribute."""
        value = self.attributes.get(name, default)
        return float(value) if isinstance(value, (int, float)) else default

    def text(self, name: str, default: str) -> str:
        """A string attribute."""
        value = self.attributes.get(name, default)
        return value if isinstance(value, str) else default

    def integers(self, name: str, default: Sequence[int] = ()) -> Shape:
        """An attribute that is a list of integers."""
        value = self.attributes.get(name, default)
        if not isinstance(value, (list, tuple)) or not all(isinstance(v, int) for v in value):
            return tuple(default)
        return tuple(value)


@dataclass(frozen=True)
class Model:
    """A graph in execution order.

    Attributes:
        opset: version of ONNX's own operators.
        nodes: in execution order.
        values: everything that is known about names.
        inputs: names of the inputs, without initialisers.
        outputs: names of the outputs.
    """

    opset: int
    nodes: tuple[Node, ...]
    values: Mapping[str, Value]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def value(self, name: str) -> Value:
        """What is known about a name."""
        return self.values[name]

    def data(self, name: str) -> Array | None:
        """A constant's values; None when it is computed or left out."""
        return self.values[name].data if name else None

    def consumers(self) -> dict[str, list[Node]]:
        """Nodes that read each name, once for each use."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in node.inputs:
                if name:
                    found.setdefault(name, []).append(node)
        return found

    def producers(self) -> dict[str, Node]:
        """The node that computes each name."""
        return {name: node for node in self.nodes for name in node.outputs if name}


class Editor:
    """Collects a new list of nodes and values; `model` makes the result."""

    def __init__(self, model: Model) -> None:
        self.source = model
        self.values = dict(model.values)
        self.nodes: list[Node] = []
        self.renamed: dict[str, str] = {}
        self._places: dict[str, int] = {}

    def fresh(self, base: str) -> str:
        """A name that is not in use yet."""
        name, count = base, 1
        while name in self.values:
            count += 1
            name = f"{base}_{count}"
        return name

    def constant(self, base: str, data: Array, quant: QuantParams | None = None) -> str:
        """Adds a constant and returns its name."""
        name = self.fresh(base)
        self.values[name] = constant(data, quant)
        return name

    def resolve(self, name: str) -> str:
        """The name that stands for `name` now."""
        while name in self.renamed:
            name = self.renamed[name]
        return name

    def add(self, node: Node) -> Node:
        """Appends a node, its inputs resolved."""
        node = replace(node, inputs=tuple(self.resolve(n) for n in node.inputs))
        self._places.update((name, len(self.nodes)) for name in node.outputs)
        self.nodes.append(node)
        return node

    def producer(self, name: str) -> Node:
        """The node that computes `name` and was added before."""
        return self.nodes[self._places[name]]

    def change(self, name: str, node: Node) -> None:
        """Puts `node` where the producer of `name` stands."""
        self.nodes[self._places[name]] = node

    def model(self) -> Model:
        """The new model, without nodes that no output needs."""
        outputs = tuple(self.resolve(n) for n in self.source.outputs)
        nodes = live(self.nodes, outputs)
        return replace(self.source, nodes=nodes, values=self.values, outputs=outputs)


def live(nodes: Iterable[Node], outputs: Iterable[str]) -> tuple[Node, ...]:
    """The nodes that the outputs need, in order."""
    needed = set(outputs)
    kept = []
    for node in reversed(list(nodes)):
        if needed.isdisjoint(node.outputs):
            continue
        kept.append(node)
        needed.update(n for n in node.inputs if n)
    return tuple(reversed(kept))

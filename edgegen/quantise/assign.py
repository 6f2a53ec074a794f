"""Which scale and zero point every activation gets, given what operators demand of each other.

Operators that move values without rescaling them (pools, reshapes, pads, concatenations) need the
same parameters on both sides: such tensors form a group and share one range. Where two fixed
parameters meet, or sharing would cost a narrow tensor with other readers more than a bit, the
values are rescaled on the way by a QUANTIZE.

Operators on int16 have int16 inputs and outputs. A tensor has the type of the operator that
computes it; an operator of the other type gets a converted copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgegen.ir import DType, Graph, Op, QuantParams, TensorKind
from edgegen.ir.int8_form import Int8Form
from edgegen.quantise.layers import uses
from edgegen.quantise.observers import Range, int16_parameters, parameters

WORTH_RESCALING = 0.5
"""A tensor with readers besides a concatenation is rescaled for it if its own range is narrower
than this share of the common one: sharing would cost it more than one bit."""

Edge = tuple[int, int]
"""An operator's index and the index of one of its inputs."""


@dataclass(frozen=True)
class Stored:
    """How integers stand for real values."""

    dtype: DType
    quant: QuantParams


@dataclass(frozen=True)
class Assignment:
    """Parameters of all float activations, and where values are converted on the way.

    Attributes:
        params: scale and zero point by tensor name.
        converted: operator inputs that are converted, and the type that they then have.
        groups: for each tensor the name of its group's representative.
        wide: the tensors on int16; all others are on int8.
    """

    params: Mapping[str, QuantParams]
    converted: Mapping[Edge, Stored]
    groups: Mapping[str, str]
    wide: frozenset[str] = frozenset()

    def dtype(self, name: str) -> DType:
        """The element type of a tensor."""
        return DType.INT16 if name in self.wide else DType.INT8


class _Groups:
    """Disjoint sets of tensor names."""

    def __init__(self, names: list[str]) -> None:
        self.parent = {n: n for n in names}

    def find(self, name: str) -> str:
        while self.parent[name] != name:
            self.parent[name] = self.parent[self.parent[name]]
            name = self.parent[name]
        return name

    def join(self, a: str, b: str) -> None:
        self.parent[self.find(a)] = self.find(b)


def assign(
    graph: Graph, ranges: Mapping[str, Range], wide: frozenset[str] = frozenset()
) -> Assignment:
    """Chooses parameters for every float activation.

    Args:
        graph: a float graph.
        ranges: the range that each float activation alone should cover, by name.
        wide: outputs of the operators on int16.
    """
    floats = [t.name for t in graph.activations() if t.type.dtype is DType.FLOAT32]
    wide = wide_tensors(graph, wide)
    fixed = {
        op.outputs[0]: form.output
        for op in graph.ops
        if (form := form_of(op, graph, wide)).output is not None
    }
    groups = _Groups(floats)
    rescaled: set[Edge] = set()
    owner: dict[str, tuple[float, int]] = dict(fixed)  # fixed parameters by representative
    for edge, source, target in _shared_edges(graph, set(floats), wide):
        a, b = groups.find(source), groups.find(target)
        if a == b:
            continue
        several = sum(n in groups.parent for n in graph.ops[edge[0]].inputs if n is not None) > 1
        if (several and a in owner) or (a in owner and b in owner and owner[a] != owner[b]):
            rescaled.add(edge)
            continue
        if (source in wide) != (target in wide):
            rescaled.add(edge)
            continue
        if several and _worth_rescaling(graph, edge, source, ranges):
            rescaled.add(edge)
            continue
        found = owner.get(a, owner.get(b))
        groups.join(a, b)
        if found is not None:
            owner[groups.find(b)] = found
    envelope: dict[str, Range] = {}
    for name in floats:
        root, span = groups.find(name), ranges[name]
        low, high = envelope.get(root, span)
        envelope[root] = (min(low, span[0]), max(high, span[1]))
    params = {root: fitting(span, root in wide) for root, span in envelope.items()}
    params |= {root: QuantParams((scale,), (point,)) for root, (scale, point) in owner.items()}
    roots = {n: groups.find(n) for n in floats}
    chosen = {n: params[r] for n, r in roots.items()}
    converted = {
        edge: Stored(_dtype(target in wide), chosen[target])
        for edge in sorted(rescaled)
        for target in graph.ops[edge[0]].outputs[:1]
    }
    for index, op in enumerate(graph.ops):
        needs_wide = op.outputs[0] in wide
        for i, read in enumerate(op.inputs):
            if read is None or read not in roots or (index, i) in converted:
                continue
            if (read in wide) != needs_wide:
                own = fitting(ranges[read], needs_wide)
                converted[index, i] = Stored(_dtype(needs_wide), own)
    return Assignment(chosen, converted, roots, wide)


def wide_tensors(graph: Graph, ops: frozenset[str]) -> frozenset[str]:
    """The tensors on int16: what operators on int16 compute, and inputs that only they read.

    Args:
        graph: a float graph.
        ops: outputs of the operators on int16.
    """
    computed = {name for op in graph.ops if op.outputs[0] in ops for name in op.outputs}
    readers = uses(graph).readers
    inputs = {
        name
        for name in graph.inputs
        if name not in graph.outputs
        and readers.get(name)
        and all(graph.ops[i].outputs[0] in ops for i in readers[name])
    }
    return frozenset(computed | inputs)


def form_of(op: Op, graph: Graph, wide: frozenset[str]) -> Int8Form:
    """What an operator demands on the type that it computes on."""
    io = graph.io(op)
    form = op.int16_form(io) if op.outputs[0] in wide else None
    return op.int8_form(io) if form is None else form


def fitting(span: Range, wide: bool) -> QuantParams:
    """The parameters that cover a range, on int16 or int8."""
    return int16_parameters(span) if wide else parameters(span)


def _dtype(wide: bool) -> DType:
    return DType.INT16 if wide else DType.INT8


def _shared_edges(
    graph: Graph, floats: set[str], wide: frozenset[str]
) -> list[tuple[Edge, str, str]]:
    """Operator inputs that share the output's parameters, with both tensors' names."""
    found = []
    for index, op in enumerate(graph.ops):
        for i in form_of(op, graph, wide).shared:
            name = op.inputs[i] if i < len(op.inputs) else None
            if name is not None and name in floats and op.outputs[0] in floats:
                found.append(((index, i), name, op.outputs[0]))
    return found


def _worth_rescaling(graph: Graph, edge: Edge, source: str, ranges: Mapping[str, Range]) -> bool:
    """Whether a concatenation's input has other readers that need its narrower range."""
    readers = uses(graph).readers[source]
    if len(readers) < 2 and source not in graph.outputs:
        return False
    common = [
        ranges[n]
        for n in graph.ops[edge[0]].inputs
        if n is not None and graph.tensor(n).kind is not TensorKind.CONSTANT and n in ranges
    ]
    width = max(r[1] for r in common) - min(r[0] for r in common)
    return ranges[source][1] - ranges[source][0] < WORTH_RESCALING * width

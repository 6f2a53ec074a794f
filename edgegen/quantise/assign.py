"""Which scale and zero point every activation gets, given what operators demand of each other.

Operators that move values without rescaling them (pools, reshapes, pads, concatenations) need the
same parameters on both sides: such tensors form a group and share one range. Where two fixed
parameters meet, or sharing would cost a narrow tensor with other readers more than a bit, the
values are rescaled on the way by a QUANTIZE.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgegen.ir import DType, Graph, QuantParams, TensorKind
from edgegen.quantise.layers import uses
from edgegen.quantise.observers import Range, parameters

WORTH_RESCALING = 0.5
"""A tensor with readers besides a concatenation is rescaled for it if its own range is narrower
than this share of the common one: sharing would cost it more than one bit."""

Edge = tuple[int, int]
"""An operator's index and the index of one of its inputs."""


@dataclass(frozen=True)
class Assignment:
    """Parameters of all float activations, and where values are rescaled on the way.

    Attributes:
        params: scale and zero point by tensor name.
        rescaled: operator inputs that get a QUANTIZE to the operator's output parameters.
        groups: for each tensor the name of its group's representative.
    """

    params: Mapping[str, QuantParams]
    rescaled: frozenset[Edge]
    groups: Mapping[str, str]


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


def assign(graph: Graph, ranges: Mapping[str, Range]) -> Assignment:
    """Chooses parameters for every float activation.

    Args:
        graph: a float graph.
        ranges: the range that each float activation alone should cover, by name.
    """
    floats = [t.name for t in graph.activations() if t.type.dtype is DType.FLOAT32]
    fixed = {
        op.outputs[0]: form.output
        for op in graph.ops
        if (form := op.int8_form(graph.io(op))).output is not None
    }
    groups = _Groups(floats)
    rescaled: set[Edge] = set()
    owner: dict[str, tuple[float, int]] = dict(fixed)  # fixed parameters by representative
    for edge, source, target in _shared_edges(graph, set(floats)):
        a, b = groups.find(source), groups.find(target)
        if a == b:
            continue
        several = sum(n in groups.parent for n in graph.ops[edge[0]].inputs if n is not None) > 1
        if (several and a in owner) or (a in owner and b in owner and owner[a] != owner[b]):
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
    params = {root: parameters(span) for root, span in envelope.items()}
    params |= {root: QuantParams((scale,), (point,)) for root, (scale, point) in owner.items()}
    roots = {n: groups.find(n) for n in floats}
    return Assignment({n: params[r] for n, r in roots.items()}, frozenset(rescaled), roots)


def _shared_edges(graph: Graph, floats: set[str]) -> list[tuple[Edge, str, str]]:
    """Operator inputs that share the output's parameters, with both tensors' names."""
    found = []
    for index, op in enumerate(graph.ops):
        for i in op.int8_form(graph.io(op)).shared:
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

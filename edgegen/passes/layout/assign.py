"""Chooses the orders that every operator works with so that few bytes are moved.

Where an operator wants a tensor in another order than it is given, the bytes are moved once for
each other order. The sum of these bytes is minimised by iterated conditional modes (Besag 1986,
"On the statistical analysis of dirty pictures"): every operator in turn takes the configuration
that costs least with its neighbours as they are. It starts once from orders handed down from
producers, once from orders handed up from consumers, and the better result counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from edgegen.ir import Graph, Op, OpIO
from edgegen.passes.layout.order import Order, dense
from edgegen.passes.layout.rules import Config, default, from_input, from_output, operands

SWEEPS = 8
"""Rounds over all operators; the result settles within three for any model seen."""

STEP_COST = 64
"""Bytes that a transposition costs besides those it moves."""


class Assignment:
    """The configurations so far."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.ios: list[OpIO] = [graph.io(op) for op in graph.ops]
        self.configs: list[Config] = [
            default(op, io) for op, io in zip(graph.ops, self.ios, strict=True)
        ]
        self.producer = {op.outputs[0]: i for i, op in enumerate(graph.ops) if len(op.outputs) == 1}
        self.readers: dict[str, list[tuple[int, int]]] = {}
        for i, io in enumerate(self.ios):
            for k, tensor in operands(io):
                if tensor.data is None:
                    self.readers.setdefault(tensor.name, []).append((i, k))

    def given(self, name: str) -> Order:
        """The order in which a tensor is produced."""
        if name in self.producer:
            return self.configs[self.producer[name]].output
        return dense(self.graph.tensor(name).type.shape)

    def wanted(self, name: str) -> list[Order]:
        """The orders in which a tensor is read, the graph's outputs row-major."""
        found = [self.configs[i].inputs[k] for i, k in self.readers.get(name, ())]
        orders = [order for order in found if order is not None]
        if name in self.graph.outputs:
            orders.append(dense(self.graph.tensor(name).type.shape))
        return orders

    def tensor_cost(self, name: str) -> int:
        """Bytes moved to give all readers of a tensor what they want."""
        others = set(self.wanted(name)) - {self.given(name)}
        return len(others) * (self.graph.tensor(name).type.bytes + STEP_COST)

    def total(self) -> int:
        """Bytes moved in all."""
        names = {*self.graph.inputs, *self.producer}
        return sum(self.tensor_cost(name) for name in names)

    def _around(self, index: int) -> int:
        """Bytes moved around one operator."""
        op, io = self.graph.ops[index], self.ios[index]
        names = {t.name for _, t in operands(io) if t.data is None} | set(op.outputs)
        return sum(self.tensor_cost(name) for name in names)

    def candidates(self, index: int) -> Iterable[Config]:
        """Configurations that suit a neighbour, and the default."""
        op, io = self.graph.ops[index], self.ios[index]
        yield from self.from_producers(index)
        for order in dict.fromkeys(self.wanted(op.outputs[0])):
            config = from_output(op, io, order)
            if config is not None:
                yield config
        yield default(op, io)

    def from_producers(self, index: int) -> Iterable[Config]:
        """Configurations that take an input as it is given."""
        op, io = self.graph.ops[index], self.ios[index]
        for k, tensor in operands(io):
            if tensor.data is None:
                config = from_input(op, io, k, self.given(tensor.name))
                if config is not None:
                    yield config

    def improve(self, index: int) -> bool:
        """Takes the best configuration of one operator; tells whether that was another one."""
        if len(self.graph.ops[index].outputs) != 1:
            return False
        start = self.configs[index]
        best, least = start, self._around(index)
        for config in dict.fromkeys(self.candidates(index)):
            self.configs[index] = config
            cost = self._around(index)
            if cost < least:
                best, least = config, cost
        self.configs[index] = best
        return best != start

    def settle(self) -> None:
        """Improves until nothing changes."""
        order: Sequence[int] = range(len(self.configs))
        for sweep in range(SWEEPS):
            around = reversed(order) if sweep % 2 else order
            changed = [self.improve(i) for i in around]
            if not any(changed):
                return


def assign(graph: Graph) -> Assignment:
    """The best assignment found."""
    return min((_started(graph, start) for start in (_down, _up)), key=Assignment.total)


def _started(graph: Graph, start: Callable[[Assignment], None]) -> Assignment:
    assignment = Assignment(graph)
    start(assignment)
    assignment.settle()
    return assignment


def _down(assignment: Assignment) -> None:
    """Every operator takes its inputs as they are given, as far as it can."""
    for i, op in enumerate(assignment.graph.ops):
        found = list(assignment.from_producers(i))
        if found and len(op.outputs) == 1:
            costs = [_input_cost(assignment, i, config) for config in found]
            assignment.configs[i] = found[costs.index(min(costs))]


def _input_cost(assignment: Assignment, index: int, config: Config) -> int:
    """Bytes moved for the inputs of one operator."""
    return sum(
        tensor.type.bytes
        for k, tensor in operands(assignment.ios[index])
        if config.inputs[k] not in (None, assignment.given(tensor.name))
    )


def _up(assignment: Assignment) -> None:
    """Every operator gives its output as its first reader wants it, as far as it can."""
    for i in reversed(range(len(assignment.configs))):
        op: Op = assignment.graph.ops[i]
        for order in assignment.wanted(op.outputs[0])[:1] if len(op.outputs) == 1 else ():
            config = from_output(op, assignment.ios[i], order)
            if config is not None:
                assignment.configs[i] = config

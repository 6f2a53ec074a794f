"""What passes removed from a graph, operator by operator, for reports."""

from __future__ import annotations

from dataclasses import dataclass

from edgegen.ir import Graph, Op, Origin, TensorKind
from edgegen.passes.intervals import channels


@dataclass(frozen=True)
class Size:
    """How large an operator is.

    Attributes:
        channels: of its output.
        macs: multiply-accumulates of one inference.
        constant_bytes: of its weights, bias and other constants.
    """

    channels: int
    macs: int
    constant_bytes: int


@dataclass(frozen=True)
class Removed:
    """An operator that became smaller.

    Attributes:
        origin: the operator of the source model.
        output: the tensor that it computes, which keeps its name.
        before: its size in the source graph.
        after: its size in the result.
    """

    origin: Origin
    output: str
    before: Size
    after: Size

    def __str__(self) -> str:
        a, b = self.before, self.after
        return (
            f"{self.origin}: {a.channels} channels to {b.channels}, {a.macs} MACs to {b.macs}, "
            f"{a.constant_bytes} bytes of constants to {b.constant_bytes}"
        )


def removed(source: Graph, result: Graph) -> tuple[Removed, ...]:
    """Compares a graph with what passes made of it.

    Returns:
        The operators that are in both, known by the tensor that they compute, and differ in size,
        in execution order.
    """
    after = {op.outputs[0]: op for op in result.ops}
    found = []
    for op in source.ops:
        output = op.outputs[0]
        if output not in after:
            continue
        old, new = _size(op, source), _size(after[output], result)
        if old != new:
            found.append(Removed(op.origin, output, old, new))
    return tuple(found)


def _size(op: Op, graph: Graph) -> Size:
    io = graph.io(op)
    constants = [t for t in io.inputs if t is not None and t.kind is TensorKind.CONSTANT]
    return Size(channels(io.output.type), op.macs(io), sum(t.type.bytes for t in constants))

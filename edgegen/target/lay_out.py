"""From decided steps to a Program: buffers, calls, and reformat steps between them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgegen.ir import Graph, Op, Origin, Tensor, TensorKind
from edgegen.kernels.base import Formats, KernelIO
from edgegen.kernels.formats import DENSE, Format
from edgegen.kernels.program import Buffer, KernelCall, Program, Rejection
from edgegen.kernels.registry import kernels_for
from edgegen.kernels.rows import ByRows, RowKernel, rows_of
from edgegen.ops.reformat import Reformat
from edgegen.target.choices import Choice
from edgegen.target.cores import Core
from edgegen.target.rings import with_streams

State = tuple[tuple[str, Format], ...]
"""Format of every tensor alive, by its root, sorted by name."""


@dataclass(frozen=True)
class Step:
    """One operator decided.

    Attributes:
        choice: the kernel; None where the operator only renames its input.
        stored: how its result is stored in the end.
        before: the state that it follows.
        ram: bytes while it runs.
        stream: where it runs by rows, the number of the first operator that does so with it.
        copied: tensors that are copied row by row before the stream reads them.
    """

    choice: Choice | None
    stored: Format
    before: State
    ram: int = 0
    stream: int | None = None
    copied: frozenset[str] = frozenset()


def reformat(
    source: Tensor, target: Tensor, stored: Format, wanted: Format, core: Core
) -> tuple[Reformat, Choice]:
    """The cheapest way to convert `source` from one format to another."""
    op = Reformat((source.name,), (target.name,), Origin(-1, "REFORMAT"))
    io = KernelIO((source,), (target,), (stored,), wanted, core)
    feasible = [
        Choice(k, io, Formats((stored,), wanted), k.cost(op, io), 0, k.scratch_bytes(op, io))
        for k in kernels_for(Reformat)
        if k.requires <= core.features and not k.rejects(op, io, core)
    ]
    return op, min(feasible, key=lambda c: (c.cost.cycles, c.kernel.name))


class Builder:
    """Turns decided steps into a Program, inserting reformat steps."""

    def __init__(self, graph: Graph, owner: dict[str, str], core: Core) -> None:
        self.graph, self.core = graph, core
        self.tensors = dict(graph.tensors)
        self.ops: list[Op] = []
        self.calls: list[KernelCall] = []
        self.buffers: dict[str, Buffer] = {}
        self.owner = dict(owner)
        self.streams: dict[int, list[int]] = {}
        self.converted: dict[tuple[str, Format, int | None], str] = {}
        for name in graph.inputs:
            self.store(name, DENSE)

    def store(self, name: str, form: Format) -> None:
        """Gives a tensor a buffer."""
        self.buffers[name] = Buffer(name, (name,), self.tensors[name].type, form)

    def alias(self, op: Op) -> None:
        """Adds an operator that only renames its input's bytes."""
        self.ops.append(op)
        root = self.owner[op.outputs[0]]
        known = self.buffers[root]
        self.buffers[root] = replace(known, tensors=(*known.tensors, op.outputs[0]))

    def call(self, op: Op, step: Step, rejected: tuple[Rejection, ...]) -> None:
        """Adds a kernel call with the conversions it needs."""
        choice = step.choice
        assert choice is not None
        inputs = [
            self._as(name, form, step)
            for name, form in zip(op.inputs, choice.formats.inputs, strict=True)
        ]
        final, written = op.outputs[0], op.outputs[0]
        if step.stored != choice.formats.output:
            written = self._variant(final, choice.formats.output)
        moved = replace(op, inputs=tuple(inputs), outputs=(written, *op.outputs[1:]))
        self._append(moved, choice, written, rejected, step.stream)
        if written != final:
            self._reformat(written, final, step.stored)

    def _as(self, name: str | None, wanted: Format, step: Step) -> str | None:
        """The tensor's name in the wanted format, converted now if it is stored in another.

        A tensor is converted once for all its readers in a stream.
        """
        if name is None or name not in self.owner:
            return name
        stored = self.buffers[self.owner[name]].format
        if stored == wanted and self.owner[name] not in step.copied:
            return name
        stream = step.stream
        key = (name, wanted, stream)
        if stream is None or key not in self.converted:
            self.converted[key] = self._variant(name, wanted)
            self._reformat(name, self.converted[key], wanted, stream)
        return self.converted[key]

    def _variant(self, name: str, form: Format) -> str:
        """A new tensor with the same value, for another format."""
        fresh = f"{name} as {form.text}"
        while fresh in self.tensors:
            fresh += "'"
        original = self.tensors[name]
        self.tensors[fresh] = Tensor(fresh, original.type, TensorKind.ACTIVATION)
        self.owner[fresh] = fresh
        return fresh

    def _reformat(
        self, source: str, target: str, wanted: Format, stream: int | None = None
    ) -> None:
        stored = self.buffers[self.owner[source]].format
        op, choice = reformat(self.tensors[source], self.tensors[target], stored, wanted, self.core)
        if stream is not None:
            by_rows = ByRows(choice.kernel)
            scratch = by_rows.scratch_bytes(op, choice.io)
            choice = replace(choice, kernel=by_rows, scratch=scratch)
        self._append(op, choice, target, (), stream)

    def _append(
        self,
        op: Op,
        choice: Choice,
        written: str,
        rejected: tuple[Rejection, ...],
        stream: int | None = None,
    ) -> None:
        if written not in self.buffers:
            self.store(written, choice.formats.output)
        io = replace(
            choice.io,
            inputs=tuple(None if n is None else self.tensors[n] for n in op.inputs),
            outputs=tuple(self.tensors[n] for n in op.outputs),
        )
        self.ops.append(op)
        kernel = choice.kernel
        call = KernelCall(
            op,
            io,
            kernel,
            tuple(None if n is None else self.owner.get(n) for n in op.inputs),
            written,
            choice.scratch - choice.kept,
            kernel.order(op, io),
            choice.cost,
            rejected,
        )
        if stream is not None:
            assert isinstance(kernel, RowKernel)
            rows = rows_of(op, io, kernel)
            call = replace(call, rows=rows, state_bytes=choice.kept)
            self.streams.setdefault(stream, []).append(len(self.calls))
        self.calls.append(call)

    def program(self, optimize: str) -> Program:
        """What was built."""
        graph = replace(self.graph, tensors=self.tensors, ops=tuple(self.ops))
        program = Program(graph, self.core, optimize, self.buffers, tuple(self.calls))
        return with_streams(program, self.streams.values()) if self.streams else program

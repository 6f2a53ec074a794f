"""The Program: kernel calls in order over named buffers, before anything has an address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from edgegen.ir import Graph, Op, TensorType
from edgegen.ir.names import short_name
from edgegen.kernels.base import Cost, KernelIO
from edgegen.kernels.formats import Format, image
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.registry import AnyKernel
from edgegen.kernels.rows import Rows, row_bytes
from edgegen.kernels.stream import Feed, Stage, Stream
from edgegen.target.cores import Core

SOURCE = -1
"""Stands for a call in steps in which the caller delivers a row of the input."""


@dataclass(frozen=True)
class Buffer:
    """Bytes in the arena that hold one tensor, or several that alias each other.

    Attributes:
        name: the tensor that defines it.
        tensors: all tensors whose bytes these are.
        type: the defining tensor's type.
        format: how it is stored.
        ring: rows that it holds at a time: row r lies at place r % ring. None: all of them.
    """

    name: str
    tensors: tuple[str, ...]
    type: TensorType
    format: Format
    ring: int | None = None

    @property
    def rows(self) -> int:
        """Rows of the image that it stores."""
        return image(self.type)[0]

    @property
    def pitch(self) -> int:
        """Bytes from one row to the next; only for formats that keep rows together."""
        return row_bytes(self.format, self.type)

    @property
    def size(self) -> int:
        """Bytes in the arena."""
        if self.ring is None:
            return self.format.size(self.type)
        return self.ring * self.pitch + self.format.slack


@dataclass(frozen=True)
class Rejection:
    """Why a kernel was not chosen."""

    kernel: str
    reason: str


@dataclass(frozen=True)
class KernelCall:
    """One step of inference.

    Attributes:
        op: the operator it computes.
        io: its tensors and their formats.
        kernel: the chosen kernel.
        inputs: names of the buffers it reads; None for a constant or absent input.
        output: name of the buffer it writes.
        scratch_bytes: working memory during the call, bytes.
        order: declared order of its accesses.
        cost: predicted instructions and cycles.
        rejected: kernels that were not chosen, with reasons.
        rows: how it goes through its tensors row by row; None where it runs as a whole.
        state_bytes: memory that it keeps between its rows, bytes.
        staged_bytes: memory for a copy of its constants, made just before it runs; 0: they are
            read where they lie.
    """

    op: Op
    io: KernelIO
    kernel: AnyKernel
    inputs: tuple[str | None, ...]
    output: str
    scratch_bytes: int
    order: AccessOrder
    cost: Cost
    rejected: tuple[Rejection, ...]
    rows: Rows | None = None
    state_bytes: int = 0
    staged_bytes: int = 0


@dataclass(frozen=True)
class Program:
    """A graph with a kernel for every operator that computes something.

    Attributes:
        streams: runs of calls that execute row by row, in order; other calls run as a whole.
        shared: pairs of buffers that lie at the same place: the second is computed over the first,
            row by row.
    """

    graph: Graph
    core: Core
    optimize: str
    buffers: Mapping[str, Buffer]
    calls: tuple[KernelCall, ...]
    streams: tuple[Stream, ...] = ()
    shared: tuple[tuple[str, str], ...] = ()

    @cached_property
    def buffer_of(self) -> dict[str, str]:
        """Buffer name by tensor name."""
        return {t: b.name for b in self.buffers.values() for t in b.tensors}

    @cached_property
    def steps(self) -> tuple[int, ...]:
        """The call that each step of an inference runs; in streams a step is a row.

        `SOURCE` where the caller delivers a row of the input.
        """
        found: list[int] = []
        streams = {s.first: s for s in self.streams}
        call = 0
        while call < len(self.calls):
            stream = streams.get(call)
            if stream is None:
                found.append(call)
                call += 1
            else:
                found += [SOURCE if k == stream.count else call + k for k in stream.order]
                call += stream.count
        return tuple(found)

    def stages(self, calls: Iterable[int], source: str | None = None) -> tuple[Stage, ...]:
        """Calls of a stream as its schedule sees them, and then its source, if it has one."""
        stages = tuple(self._stage(self.calls[c]) for c in calls)
        if source is None:
            return stages
        return (*stages, Stage(source, self.buffers[source].rows, ()))

    def _stage(self, call: KernelCall) -> Stage:
        assert call.rows is not None
        feeds = []
        for name, window in zip(call.inputs, call.rows.windows, strict=True):
            if name is not None and window is not None:
                feeds.append(Feed(name, self.buffers[name].rows, window))
        return Stage(call.output, call.rows.steps, tuple(feeds), call.rows.accumulates)


def program_text(program: Program) -> str:
    """One line for each buffer and call: what `--dump-ir` writes."""
    lines = [f"program {program.graph.name} core {program.core.name} for {program.optimize}"]
    for buffer in program.buffers.values():
        tensors = ", ".join(short_name(t) for t in buffer.tensors)
        lines.append(
            f"  buffer {short_name(buffer.name)}: {buffer.size} bytes, "
            f"{buffer.format.text}{_ring_text(buffer)} ({tensors})"
        )
    for index, call in enumerate(program.calls):
        reads = ", ".join("const" if n is None else short_name(n) for n in call.inputs)
        lines.append(
            f"  {index:>3} {call.kernel.path}({reads}) -> {short_name(call.output)}, "
            f"scratch {call.scratch_bytes}, predicted {call.cost.cycles} cycles"
            + (", by rows" if call.rows else "")
            + (f", constants copied to {call.staged_bytes} bytes" if call.staged_bytes else "")
        )
    for stream in program.streams:
        calls = stream.calls
        lines.append(f"  by rows: calls {calls[0]} to {calls[-1]}, {len(stream.order)} steps")
    return "\n".join(lines) + "\n"


def _ring_text(buffer: Buffer) -> str:
    return "" if buffer.ring is None else f", {buffer.ring} of {buffer.rows} rows"

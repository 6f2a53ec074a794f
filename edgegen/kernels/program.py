"""The Program: kernel calls in order over named buffers, before anything has an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from edgegen.ir import Graph, Op, OpIO
from edgegen.ir.names import short_name
from edgegen.kernels.base import Cost
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.registry import AnyKernel
from edgegen.target.cores import Core


@dataclass(frozen=True)
class Format:
    """How a buffer stores its tensor.

    Attributes:
        layout: `dense`: row-major in the tensor's own shape.
        storage: `int8` or `uint8`, as the tensor's dtype says.
    """

    layout: str
    storage: str


@dataclass(frozen=True)
class Buffer:
    """Bytes in the arena that hold one tensor, or several that alias each other.

    Attributes:
        name: the tensor that defines it.
        tensors: all tensors whose bytes these are.
        size: bytes.
        format: how they are stored.
    """

    name: str
    tensors: tuple[str, ...]
    size: int
    format: Format


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
        kernel: the chosen kernel.
        inputs: names of the buffers it reads; None for a constant or absent input.
        output: name of the buffer it writes.
        scratch_bytes: working memory during the call, bytes.
        order: declared order of its accesses.
        cost: predicted instructions and cycles.
        rejected: kernels that were not chosen, with reasons.
    """

    op: Op
    kernel: AnyKernel
    inputs: tuple[str | None, ...]
    output: str
    scratch_bytes: int
    order: AccessOrder
    cost: Cost
    rejected: tuple[Rejection, ...]


@dataclass(frozen=True)
class Program:
    """A graph with a kernel for every operator that computes something."""

    graph: Graph
    core: Core
    optimize: str
    buffers: Mapping[str, Buffer]
    calls: tuple[KernelCall, ...]

    def io(self, call: KernelCall) -> OpIO:
        """The tensors of a call's operator."""
        return self.graph.io(call.op)

    @cached_property
    def buffer_of(self) -> dict[str, str]:
        """Buffer name by tensor name."""
        return {t: b.name for b in self.buffers.values() for t in b.tensors}


def program_text(program: Program) -> str:
    """One line for each buffer and call: what `--dump-ir` writes."""
    lines = [f"program {program.graph.name} core {program.core.name} for {program.optimize}"]
    for buffer in program.buffers.values():
        tensors = ", ".join(short_name(t) for t in buffer.tensors)
        lines.append(
            f"  buffer {short_name(buffer.name)}: {buffer.size} bytes, {buffer.format.layout} "
            f"{buffer.format.storage} ({tensors})"
        )
    for index, call in enumerate(program.calls):
        reads = ", ".join("const" if n is None else short_name(n) for n in call.inputs)
        lines.append(
            f"  {index:>3} {call.kernel.path}({reads}) -> {short_name(call.output)}, "
            f"scratch {call.scratch_bytes}, predicted {call.cost.cycles} cycles"
        )
    return "\n".join(lines) + "\n"

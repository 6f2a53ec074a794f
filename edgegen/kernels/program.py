"""The Program: kernel calls in order over named buffers, before anything has an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from edgegen.ir import Graph, Op, TensorType
from edgegen.ir.names import short_name
from edgegen.kernels.base import Cost, KernelIO
from edgegen.kernels.formats import Format
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.registry import AnyKernel
from edgegen.target.cores import Core


@dataclass(frozen=True)
class Buffer:
    """Bytes in the arena that hold one tensor, or several that alias each other.

    Attributes:
        name: the tensor that defines it.
        tensors: all tensors whose bytes these are.
        type: the defining tensor's type.
        format: how it is stored.
    """

    name: str
    tensors: tuple[str, ...]
    type: TensorType
    format: Format

    @property
    def size(self) -> int:
        """Bytes in the arena."""
        return self.format.size(self.type)


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


@dataclass(frozen=True)
class Program:
    """A graph with a kernel for every operator that computes something."""

    graph: Graph
    core: Core
    optimize: str
    buffers: Mapping[str, Buffer]
    calls: tuple[KernelCall, ...]

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
            f"  buffer {short_name(buffer.name)}: {buffer.size} bytes, "
            f"{buffer.format.text} ({tensors})"
        )
    for index, call in enumerate(program.calls):
        reads = ", ".join("const" if n is None else short_name(n) for n in call.inputs)
        lines.append(
            f"  {index:>3} {call.kernel.path}({reads}) -> {short_name(call.output)}, "
            f"scratch {call.scratch_bytes}, predicted {call.cost.cycles} cycles"
        )
    return "\n".join(lines) + "\n"

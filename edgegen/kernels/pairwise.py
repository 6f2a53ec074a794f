"""What DSP kernels share that work value by value: formats, order, saturation of words."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, TypeVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Formats, Kernel, KernelIO
from edgegen.kernels.broadcast import binary_formats
from edgegen.kernels.formats import SLACK, Layout
from edgegen.kernels.order import AccessOrder, elementwise
from edgegen.quant.form import Saturation
from edgegen.target.cores import Core

OpT = TypeVar("OpT", bound=Op)


def stored_bytes(io: KernelIO) -> int:
    """Bytes to compute: whole words, padding of the format included, or the bytes of `dense`."""
    size = io.output_format.size(io.output.type)
    return size if io.output_format.layout is Layout.DENSE else size - SLACK


def stepwise_order(io: KernelIO) -> AccessOrder:
    """A word of every operand is read before one is written."""
    size = stored_bytes(io)
    return elementwise((size,) * len(io.inputs), size)


def saturation_variables(saturation: Saturation, *, signed: bool) -> dict[str, Any]:
    """Template variables for saturating four values and for clamping the word they make.

    Args:
        saturation: what follows the last shift.
        signed: whether the word is stored as TFLite's int8 instead of u8.
    """
    ceiling, lanes = saturation.ceiling, 0x01010101
    return {
        "bits": saturation.bits,
        "ceiling": None if ceiling is None else f"0x{ceiling * lanes:08x}",
        "offset": f"0x{saturation.offset * lanes:08x}" if saturation.offset else "",
        "top": (1 << saturation.bits) - 1 if ceiling is None else ceiling,
        "low": saturation.offset,
        "signed": signed,
    }


def saturation_variant(saturation: Saturation, *, signed: bool) -> str:
    """Tells saturations apart, a part of a C identifier."""
    ceiling = "" if saturation.ceiling is None else f"_{saturation.ceiling}"
    offset = f"_from{saturation.offset}" if saturation.offset else ""
    return f"{'s8' if signed else 'u8'}_{saturation.bits}{ceiling}{offset}"


def clamp_cycles(saturation: Saturation, *, signed: bool) -> int:
    """Cycles that a word costs besides its saturation on a Cortex-M4."""
    ceiling = 0 if saturation.ceiling is None else 3
    return ceiling + bool(saturation.offset) + signed


class DspPairs(Kernel[OpT]):
    """Base of kernels with two operands of equal shape, walked in step."""

    name: ClassVar[str] = "dsp"
    requires: ClassVar[frozenset[str]] = frozenset({"dsp"})

    @abstractmethod
    def solvable(self, op: OpT, io: OpIO) -> bool:
        """Whether constants for these scales were found and proved."""

    def rejects(self, op: OpT, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        if any(t is None or t.data is not None for t in io.inputs):
            return "an operand is a constant"
        if any(t is None or t.type.elements != io.output.type.elements for t in io.inputs):
            return "an operand is broadcast"
        return "" if self.solvable(op, io) else "no constants could be proved for these scales"

    def formats(self, op: OpT, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        return binary_formats(io)

    def order(self, op: OpT, io: KernelIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`."""
        return stepwise_order(io)

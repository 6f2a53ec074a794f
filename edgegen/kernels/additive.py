"""Plain C sums and differences with broadcasting: base of two kernels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, TypeVar

from edgegen.ir import OpIO
from edgegen.kernels.base import Cost, Formats, Kernel, KernelIO, Packed
from edgegen.kernels.broadcast import (
    binary_call,
    binary_formats,
    binary_order,
    binary_routine,
    binary_variant,
)
from edgegen.kernels.fitted import FittedTable, fitted
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.order import AccessOrder
from edgegen.ops.additive import LEFT_SHIFT, Additive

_COSTS: FittedTable = {
    "m0+": ((271.76,), (356.76,)),
    "m3": ((91.78,), (135.16,)),
    "m4": ((91.78,), (117.16,)),
}
"""For one output."""


AdditiveT = TypeVar("AdditiveT", bound=Additive)


class ScalarAdditive(Kernel[AdditiveT]):
    """Value by value, three requantisations each; a subclass names the operator."""

    name: ClassVar[str] = "scalar"
    code_bytes: ClassVar[int] = 256

    @property
    @abstractmethod
    def words(self) -> Mapping[str, str]:
        """How the C function says it: `operator`, and `word` and `title` for its comments."""

    def formats(self, op: AdditiveT, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        return binary_formats(io)

    def order(self, op: AdditiveT, io: KernelIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`."""
        return binary_order(io)

    def features(self, op: AdditiveT, io: KernelIO) -> tuple[int, ...]:  # noqa: ARG002
        """What its cost depends on: bytes of the output."""
        return (io.output_format.size(io.output.type),)

    def cost(self, op: AdditiveT, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        return fitted(io.core, _COSTS, self.features(op, io))

    def pack(self, op: AdditiveT, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        a, b, out = op.multipliers(io)
        routine = binary_routine(io)
        return Packed(
            constants=operand_constants(io, 2),
            call={**binary_call(io, op.output_range(io)), "ctype": routine["ctype"]}
            | {"a": a, "b": b, "out": out},
            routine={**routine, "left_shift": LEFT_SHIFT, **self.words},
            variant=binary_variant(io),
            helpers=("requantise",),
        )

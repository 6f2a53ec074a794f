"""Plain C sums and differences with broadcasting: base of two kernels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, TypeVar

from edgegen.ir import OpIO
from edgegen.kernels.base import ANY_INTEGERS, Cost, Formats, Kernel, KernelIO, Numbers, Packed
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
from edgegen.ops.additive import Additive, left_shift

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
    computes: ClassVar[frozenset[Numbers]] = ANY_INTEGERS

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
        """What its cost depends on: values of the output, padding included."""
        return (io.output_format.size(io.output.type) // io.output.type.dtype.bytes,)

    def cost(self, op: AdditiveT, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        return fitted(io.core, _COSTS, self.features(op, io))

    def pack(self, op: AdditiveT, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        routine = binary_routine(io)
        if op.by_shifts(io):
            shifts = op.right_shifts(io)
            return Packed(
                constants=operand_constants(io, 2),
                call={**binary_call(io, op.output_range(io)), "ctype": routine["ctype"]}
                | {"shifts": shifts},
                routine={**routine, "by_shifts": True, **self.words},
                variant=binary_variant(io) + "_shifts",
            )
        a, b, out = op.multipliers(io)
        return Packed(
            constants=operand_constants(io, 2),
            call={**binary_call(io, op.output_range(io)), "ctype": routine["ctype"]}
            | {"a": a, "b": b, "out": out, "shifts": ()},
            routine={**routine, "by_shifts": False, "left_shift": left_shift(io), **self.words},
            variant=binary_variant(io),
            helpers=("requantise",),
        )

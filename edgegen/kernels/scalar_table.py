"""Functions of one value as a table of bytes, one look-up a byte: base of several kernels."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, TypeVar

from edgegen.ir import Op, OpIO
from edgegen.ir.types import Array
from edgegen.kernels.base import Cost, Formats, Kernel, KernelIO, Packed
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.table import table_cost, table_flash, table_formats, table_order, table_packed

OpT = TypeVar("OpT", bound=Op)


class ScalarTable(Kernel[OpT]):
    """A kernel with a table of 256 bytes; a subclass names the operator and fills the table."""

    name: ClassVar[str] = "scalar"
    code_bytes: ClassVar[int] = 32

    @abstractmethod
    def table(self, op: OpT, io: OpIO) -> Array:
        """The result for input q at index q modulo 256, int8 or uint8 [256]."""

    def formats(self, op: OpT, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        return table_formats(io)

    def flash_bytes(self, op: OpT, io: KernelIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`."""
        return table_flash(io)

    def order(self, op: OpT, io: KernelIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`."""
        return table_order(io)

    def cost(self, op: OpT, io: KernelIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        return table_cost(io)

    def pack(self, op: OpT, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        return table_packed(io, self.table(op, io))

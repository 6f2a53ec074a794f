"""Functions of one value as a table of bytes, four look-ups a word: base of several kernels.

The table's index is the byte as it is stored and its entry the byte to store, so that int8 becomes
u8 or the other way round at no cost, where the bytes lie in the same order.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, TypeVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.ir.types import Array
from edgegen.kernels.base import (
    Constant,
    ConstantKind,
    Cost,
    Formats,
    Kernel,
    KernelIO,
    Packed,
    Piece,
)
from edgegen.kernels.formats import DENSE, HWC, image
from edgegen.kernels.operands import storage_offset
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.pairwise import stepwise_order, stored_bytes
from edgegen.kernels.table import table_formats
from edgegen.target.cores import Core

OpT = TypeVar("OpT", bound=Op)


class DspTable(Kernel[OpT]):
    """A kernel with a table; a subclass names the operator and fills the table."""

    name: ClassVar[str] = "dsp"
    requires: ClassVar[frozenset[str]] = frozenset({"dsp"})

    @abstractmethod
    def table(self, op: OpT, io: OpIO) -> Array:
        """The result for input q at index q modulo 256, int8 or uint8 [256]."""

    def rejects(self, op: OpT, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        return "the input is a constant" if io.input(0).data is not None else ""

    def formats(self, op: OpT, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        same = table_formats(io)
        if len(same) == 1 or image(io.input(0).type)[2] % 4:
            return same
        return (*same, Formats((DENSE,), HWC), Formats((HWC,), DENSE))

    def flash_bytes(self, op: OpT, io: KernelIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`."""
        return 256

    def order(self, op: OpT, io: KernelIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`."""
        return stepwise_order(io)

    def code(self, op: OpT, io: KernelIO) -> Mapping[str, int]:  # noqa: ARG002
        """See `Kernel.code`."""
        return {"dsp_lookup words": 130}

    def cost(self, op: OpT, io: KernelIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`: 15 cycles a word and 3 a round of two words."""
        cycles = 60 + round(16.5 * stored_bytes(io) / 4)
        return Cost(round(0.85 * cycles), cycles)

    def pack(self, op: OpT, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        index = np.arange(256) ^ storage_offset(io.input_formats[0])
        flip = np.uint8(storage_offset(io.output_format))
        stored = self.table(op, io).view(np.uint8)[index] ^ flip
        return Packed(
            constants=(Constant("table", stored.view(np.int8), ConstantKind.TABLE),),
            call={"count": stored_bytes(io)},
            pieces={"lookup": Piece("dsp_lookup", "words", {})},
        )

"""Kernels that replace every byte by table: any function of one 8-bit value, in any format."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgegen.ir import DType, OpIO
from edgegen.ir.types import Array
from edgegen.kernels.base import Cost, Formats, KernelIO, Packed
from edgegen.kernels.formats import DENSE
from edgegen.kernels.lookup import lookup_cost, lookup_packed
from edgegen.kernels.operands import ALL_FORMATS, operand_constants, storage_offset
from edgegen.kernels.order import AccessOrder, elementwise


def table_formats(io: OpIO) -> tuple[Formats, ...]:
    """Any format, the same for input and output; 8-bit unsigned tensors and constants are dense."""
    signed = {io.input(0).type.dtype, io.output.type.dtype} == {DType.INT8}
    usable = ALL_FORMATS if signed and io.input(0).data is None else (DENSE,)
    return tuple(Formats((f,), f) for f in usable)


def table_bytes(io: KernelIO) -> int:
    """Bytes to replace, padding of the format included."""
    return io.output_format.size(io.output.type)


def table_order(io: KernelIO) -> AccessOrder:
    """Byte by byte."""
    size = table_bytes(io)
    return elementwise((size,), size)


def table_cost(io: KernelIO) -> Cost:
    """That of a look-up of each byte."""
    return lookup_cost(table_bytes(io))


def table_flash(io: KernelIO) -> int:
    """Bytes of constants: the table and a constant input."""
    return 256 + sum(c.data.nbytes for c in operand_constants(io, 1))


def table_packed(io: KernelIO, table: Array) -> Packed:
    """What the template needs.

    Args:
        io: the operator's tensors and formats.
        table: the result for input q at index q modulo 256, int8 or uint8 [256].
    """
    flip = storage_offset(io.output_format)
    stored = table.view(np.uint8)[np.arange(256) ^ flip] ^ np.uint8(flip)
    packed = lookup_packed(stored.view(np.int8), table_bytes(io))
    return replace(packed, constants=(*packed.constants, *operand_constants(io, 1)))

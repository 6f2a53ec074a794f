"""What the plain C pooling kernels share: formats, access order and the template's variables."""

from __future__ import annotations

from typing import Any

from edgegen.ir import OpIO
from edgegen.kernels.base import Formats, KernelIO, Packed
from edgegen.kernels.c_types import c_type
from edgegen.kernels.formats import DENSE, HWC, Format, Layout, round_up
from edgegen.kernels.image_order import channel_order, reaches
from edgegen.kernels.operands import operand_constants, storage_offset
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.row_call import row_call, row_helpers
from edgegen.ops.pool2d import Pool2D


def pool_formats(io: OpIO) -> tuple[Formats, ...]:
    """Channels of a pixel together, dense or padded, the same for input and output."""
    usable = (DENSE, HWC) if io.input(0).data is None else (DENSE,)
    return tuple(Formats((f,), f) for f in usable)


def pixel_pitch(form: Format, channels: int) -> int:
    """Values from one pixel to the next."""
    return round_up(channels, 1 if form.layout is Layout.DENSE else 4)


def pool_order(op: Pool2D, io: KernelIO) -> AccessOrder:
    """Row-major over output pixels, channel by channel: each reads its own channel's window."""
    return channel_order(io, reaches(io, op.window()), 1, 1)


def pool_taps(op: Pool2D, io: OpIO) -> int:
    """Input values read in all."""
    rows, columns = op.spans(io)
    high: int = sum(s.stop - s.start for s in rows)
    wide: int = sum(s.stop - s.start for s in columns)
    return high * wide * io.output.type.shape[3]


def pool_packed(op: Pool2D, io: KernelIO, *, by_rows: bool) -> Packed:
    """What both templates need; limits are those of stored bytes."""
    _, _, in_w, channels = io.input(0).type.shape
    out_w = io.output.type.shape[2]
    vertical, horizontal = op.window()
    low, high = op.output_range(io)
    offset = storage_offset(io.output_format)
    ctype = "uint8_t" if offset else c_type(io.output.type.dtype)
    routine = {
        "ctype": ctype,
        "item": " * (int32_t)sizeof(int16_t)" if ctype == "int16_t" else "",
        "offset": offset,
        "by_rows": by_rows,
    }
    call: dict[str, Any] = {
        **row_call(io, vertical, by_rows=by_rows),
        "in_width": in_w,
        "out_width": out_w,
        "channels": channels,
        "pitch": pixel_pitch(io.output_format, channels),
        "filter_height": vertical.size,
        "filter_width": horizontal.size,
        "stride_width": horizontal.stride,
        "pad_left": horizontal.before(in_w),
        "out_min": low + offset,
        "out_max": high + offset,
        "ctype": routine["ctype"],
    }
    return Packed(
        constants=operand_constants(io, 1),
        call=call,
        routine=routine,
        variant={"uint8_t": "u8", "int16_t": "s16"}.get(ctype, "") + ("row" if by_rows else ""),
        helpers=row_helpers(by_rows=by_rows),
    )

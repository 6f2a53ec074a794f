"""Maximum pooling for cores with the DSP extension: four bytes an instruction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Formats, Kernel, KernelIO, Packed, Piece
from edgegen.kernels.formats import Format, Layout
from edgegen.kernels.operands import storage_offset
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.pool_windows import (
    TileCosts,
    Windows,
    channel_words,
    reject_pool,
    window_call,
    window_formats,
    window_order,
)
from edgegen.ops.max_pool2d import MaxPool2D
from edgegen.target.cores import Core


class DspMaxPool2D(Kernel[MaxPool2D]):
    """Any windows over pixels of whole words of channels, stored as int8 or as u8."""

    op: ClassVar[type[Op]] = MaxPool2D
    name: ClassVar[str] = "dsp"
    requires: ClassVar[frozenset[str]] = frozenset({"dsp"})

    def rejects(self, op: MaxPool2D, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        return reject_pool(io)

    def formats(self, op: MaxPool2D, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`: the same bytes in and out."""
        found = window_formats(io, planes=False)
        return tuple(f for f in found if f.inputs[0] == f.output)

    def order(self, op: MaxPool2D, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`."""
        return window_order(Windows.of(op, io), io)

    def code(self, op: MaxPool2D, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        tile = _tile(op.output_range(io), io.output_format)
        return {self.path: 180, f"dsp_max {tile.variant}": 280}

    def cost(self, op: MaxPool2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        clamp = 3 if op.output_range(io)[1] < 127 else 0
        tile = TileCosts(
            call=61,
            wide=19,
            wide_row=5,
            wide_finish=18 + 4 * clamp,
            one=9,
            one_row=5,
            one_finish=13 + clamp,
            deep=False,
        )
        cycles = 15 + Windows.of(op, io).tile_cycles(channel_words(io), tile)
        return Cost(round(0.7 * cycles), cycles)

    def flash_bytes(self, op: MaxPool2D, io: KernelIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`."""
        return 0

    def pack(self, op: MaxPool2D, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        return Packed(
            call={"divides": False, **window_call(Windows.of(op, io), io)},
            routine={"divides": False},
            pieces={"tile": _tile(op.output_range(io), io.output_format)},
        )


def _tile(limits: tuple[int, int], form: Format) -> Piece:
    """The tile for outputs limited to `limits`."""
    low, high = (q + storage_offset(form) for q in limits)
    signed = form.layout is Layout.DENSE
    kind = "s8" if signed else "u8"
    clamped = limits[1] < 127
    variables = {
        "signed": signed,
        "low": low,
        "high": high,
        "floor": f"0x{(low & 255) * 0x01010101:08x}",
        "ceiling": f"0x{(high & 255) * 0x01010101:08x}" if clamped else "",
    }
    variant = f"{kind}_{low}_{high}".replace("-", "minus")
    return Piece("dsp_max", variant, variables)

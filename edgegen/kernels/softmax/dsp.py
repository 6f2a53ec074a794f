"""Softmax between the formats of the DSP kernels: plain C that leans on CLZ and long multiplies."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Formats, Kernel, KernelIO, Packed
from edgegen.kernels.formats import DENSE, HWC, Format, Layout
from edgegen.kernels.image_order import value_order
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.pooled import pixel_pitch
from edgegen.kernels.softmax.scalar import exp_table
from edgegen.ops.softmax import Softmax
from edgegen.target.cores import Core


class DspSoftmax(Kernel[Softmax]):
    """The table holds exp of minus 0, 1, 2 ... input steps, as far as it matters."""

    op: ClassVar[type[Op]] = Softmax
    name: ClassVar[str] = "dsp"
    requires: ClassVar[frozenset[str]] = frozenset({"dsp"})
    code_bytes: ClassVar[int] = 420

    def rejects(self, op: Softmax, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        return "the input is a constant" if io.input(0).data is not None else ""

    def formats(self, op: Softmax, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        return tuple(Formats((s,), t) for s in (HWC, DENSE) for t in (HWC, DENSE))

    def order(self, op: Softmax, io: KernelIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`: a row is read twice before its first value is written."""
        return value_order(io)

    def cost(self, op: Softmax, io: KernelIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        depth, rows, _, _ = _rows(io)
        cycles = rows * (80 + 40 * depth)
        return Cost(round(0.75 * cycles), cycles)

    def flash_bytes(self, op: Softmax, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        return exp_table(op, io).data.nbytes

    def pack(self, op: Softmax, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        depth, rows, source, target = _rows(io)
        table = exp_table(op, io)
        types = {"source": _ctype(io.input_formats[0]), "target": _ctype(io.output_format)}
        dense = io.output_format.layout is Layout.DENSE
        return Packed(
            constants=(table,),
            call={
                **types,
                "count": table.data.size,
                "rows": rows,
                "depth": depth,
                "in_row": source,
                "out_row": target,
            },
            routine={**types, "zero": -128 if dense else 0},
            variant=f"{types['source'][:-2]}_{types['target'][:-2]}",
            helpers=("doubling_high", "reciprocal"),
        )


def _rows(io: KernelIO) -> tuple[int, int, int, int]:
    """Values of a row, rows, and bytes from a row to the next in input and output."""
    depth = io.input(0).type.shape[-1]
    rows = io.input(0).type.elements // depth
    return (
        depth,
        rows,
        pixel_pitch(io.input_formats[0], depth),
        pixel_pitch(io.output_format, depth),
    )


def _ctype(form: Format) -> str:
    return "int8_t" if form.layout is Layout.DENSE else "uint8_t"

"""Dense layer for cores without SMLAD: four taps in two multiplications."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Formats, KernelIO
from edgegen.kernels.conv2d.quad_layer import split_layer
from edgegen.kernels.formats import DENSE, HWC, Format, Layout, image, round_up
from edgegen.kernels.pixels import Pixels
from edgegen.kernels.pixels_kernel import PixelsKernel
from edgegen.ops.fully_connected import FullyConnected
from edgegen.target.cores import Core


class V6mFullyConnected(PixelsKernel[FullyConnected]):
    """Rows of any length; see `edgegen.kernels.quads`."""

    op: ClassVar[type[Op]] = FullyConnected
    name: ClassVar[str] = "v6m"

    def rejects(self, op: FullyConnected, io: OpIO, core: Core) -> str:
        """See `Kernel.rejects`."""
        if io.input(0).data is not None:
            return "the input is a constant"
        return self.rejects_weights(op, io, core)

    def formats(self, op: FullyConnected, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        rest = tuple(DENSE for _ in io.inputs[1:])
        sources = [f for f in (HWC, DENSE) if _row_bytes(io, f) is not None]
        return tuple(Formats((s, *rest), target) for s in sources for target in (HWC, DENSE))

    def pixels(self, op: FullyConnected, io: KernelIO) -> Pixels:
        """See `PixelsKernel.pixels`."""
        units, depth = io.input(1).type.shape
        row = _row_bytes(io, io.input_formats[0])
        split = split_layer(op, io)
        assert row is not None
        assert split is not None
        out_signed = io.output_format.layout is Layout.DENSE
        weights = io.input(1).values.astype(np.int64)
        return Pixels(
            weights=np.pad(weights, ((0, 0), (0, row - depth))),
            split=split,
            height=op.rows(io),
            width=1,
            in_row=row,
            in_pixel=row,
            in_signed=io.input_formats[0].layout is Layout.DENSE,
            out_pixel=units if out_signed else round_up(units, 4),
            out_signed=out_signed,
        )


def _row_bytes(io: OpIO, form: Format) -> int | None:
    """Bytes of a row of inputs, or None where the format does not keep rows together."""
    depth = io.input(1).type.shape[1]
    if form.layout is Layout.DENSE:
        return depth
    channels = image(io.input(0).type)[2]
    if channels == depth:
        return round_up(depth, 4)
    return depth if channels % 4 == 0 else None

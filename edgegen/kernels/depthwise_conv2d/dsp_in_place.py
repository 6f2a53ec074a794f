"""Depthwise convolution over its own input, for cores with the DSP extension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Constant, Cost, Formats, Kernel, KernelIO, Packed
from edgegen.kernels.depthwise_conv2d.finish import Finish
from edgegen.kernels.depthwise_conv2d.plane_layer import solved_layer
from edgegen.kernels.depthwise_conv2d.row_tile import RowTile, packed_rows
from edgegen.kernels.formats import DENSE, HWC, image, round_up
from edgegen.kernels.image_order import Reach, whole_channels
from edgegen.kernels.order import Accesses, AccessOrder
from edgegen.kernels.row_call import rows_inside
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.target.cores import Core

DRIVER_BYTES = 270
"""Code of the driver and of the function that stores rows."""
ROW_CYCLES = 65
"""Cycles of the driver for a row of four channels, besides `TAP_CYCLES` and `PIXEL_CYCLES`."""
TAP_CYCLES = 16
"""For each row of the filter."""
PIXEL_CYCLES = 8
"""To store four channels of a pixel."""


class DspInPlaceDepthwiseConv2D(Kernel[DepthwiseConv2D]):
    """Stride 1 and as many outputs as inputs; padding must be stored as 0."""

    op: ClassVar[type[Op]] = DepthwiseConv2D
    name: ClassVar[str] = "dsp_in_place"
    requires: ClassVar[frozenset[str]] = frozenset({"dsp"})

    def rejects(self, op: DepthwiseConv2D, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        if io.input(0).data is not None:
            return "the input is a constant"
        if op.multiplier(io) != 1 or any(w.stride != 1 for w in op.window(io)):
            return "a stride or the depth multiplier is not 1"
        if io.output.type.shape != io.input(0).type.shape:
            return "input and output differ in shape"
        if io.input(0).type.zero_point != -128:
            return "padding is not stored as 0"
        if solved_layer(op, io) is None:
            return "no requantisation constants could be proved for some channel"
        return _tile(op, io).reject

    def formats(self, op: DepthwiseConv2D, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        return (Formats((HWC, *(DENSE for _ in io.inputs[1:])), HWC),)

    def scratch_bytes(self, op: DepthwiseConv2D, io: KernelIO) -> int:
        """Rows of four channels that wait."""
        _, height, width, _ = io.input(0).type.shape
        return 4 * width * (op.window(io)[0].before(height) + 1)

    def flash_bytes(self, op: DepthwiseConv2D, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        return 2 * round_up(io.output.type.shape[3], 4) * _tile(op, io).words

    def code(self, op: DepthwiseConv2D, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        tile = _tile(op, io)
        return {self.path: DRIVER_BYTES, f"dsp_row_depthwise {tile.variant}": tile.code}

    def order(self, op: DepthwiseConv2D, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`: four channels and row by row; rows are written late."""

        def promise() -> Accesses:
            height, _, channels = image(io.output.type)
            vertical, _ = op.window(io)
            behind = vertical.before(height)
            start = (np.arange(channels) // 4 * (height + behind))[np.newaxis, :]
            used = Reach.of(vertical, height).last_use(np.arange(height), 0)
            written = np.arange(height) + behind
            return whole_channels(io, used[:, np.newaxis] + start, written[:, np.newaxis] + start)

        return AccessOrder(promise)

    def cost(self, op: DepthwiseConv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        vertical, _ = op.window(io)
        _, height, width, channels = io.output.type.shape
        tile = _tile(op, io)
        driver = height * (ROW_CYCLES + TAP_CYCLES * vertical.size + PIXEL_CYCLES * width)
        counts = [tile.count(4, inside) for inside in rows_inside(vertical, height)]
        words = -(-channels // 4)
        return Cost(
            words * (sum(c.instructions for c in counts) + round(0.7 * driver)),
            words * (sum(c.cycles for c in counts) + driver),
        )

    def pack(self, op: DepthwiseConv2D, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        tile, layer = _tile(op, io), solved_layer(op, io)
        assert layer is not None
        vertical, _ = op.window(io)
        _, height, width, _ = io.input(0).type.shape
        return Packed(
            constants=(Constant("weights", packed_rows(io, layer)),),
            call={
                "words": 2 * tile.words,
                "height": height,
                "width": width,
                "pixel": tile.in_pixel,
                "filter_height": vertical.size,
                "dilation": vertical.dilation,
                "behind": vertical.before(height),
            },
            helpers=("rows",),
            pieces={"requantise": tile.finish.piece, "tile": tile.piece},
        )


def _tile(op: DepthwiseConv2D, io: OpIO) -> RowTile:
    """Writes to rows of four channels, and reads nothing but these: others may be outputs."""
    layer = solved_layer(op, io)
    assert layer is not None
    pixel = round_up(io.input(0).type.shape[3], 4)
    finish = Finish(layer.solved, signed=False)
    return RowTile(*op.window(io), io.input(0).type.shape[2], pixel, 4, finish, aligned=True)

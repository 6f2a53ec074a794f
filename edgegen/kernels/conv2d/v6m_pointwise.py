"""1x1 convolution for cores without SMLAD: four taps in two multiplications."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Formats, KernelIO
from edgegen.kernels.conv2d.quad_layer import split_layer
from edgegen.kernels.formats import DENSE, HWC, Layout, round_up
from edgegen.kernels.pixels import Pixels
from edgegen.kernels.pixels_kernel import PixelsKernel
from edgegen.ops.conv2d import Conv2D
from edgegen.target.cores import Core


class V6mPointwise(PixelsKernel[Conv2D]):
    """Any stride; see `edgegen.kernels.quads`."""

    op: ClassVar[type[Op]] = Conv2D
    name: ClassVar[str] = "v6m_pointwise"
    pixels_per_pass: ClassVar[int] = 1

    def rejects(self, op: Conv2D, io: OpIO, core: Core) -> str:
        """See `Kernel.rejects`."""
        vertical, horizontal = op.window(io)
        _, height, width, _ = io.input(0).type.shape
        if (vertical.size, horizontal.size) != (1, 1):
            return "the filter is not 1x1"
        if vertical.before(height) or horizontal.before(width):
            return "the filter reads padding"
        if op.groups(io) != 1:
            return "the convolution has groups"
        return self.rejects_weights(op, io, core)

    def formats(self, op: Conv2D, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        rest = tuple(DENSE for _ in io.inputs[1:])
        pairs = ((source, target) for source in (HWC, DENSE) for target in (HWC, DENSE))
        return tuple(Formats((source, *rest), target) for source, target in pairs)

    def pixels(self, op: Conv2D, io: KernelIO) -> Pixels:
        """See `PixelsKernel.pixels`."""
        _, _, in_width, depth = io.input(0).type.shape
        _, height, width, channels = io.output.type.shape
        vertical, horizontal = op.window(io)
        in_signed = io.input_formats[0].layout is Layout.DENSE
        out_signed = io.output_format.layout is Layout.DENSE
        split = split_layer(op, io)
        assert split is not None
        pixel = depth if in_signed else round_up(depth, 4)
        weights = io.input(1).values.astype(np.int64).reshape(channels, depth)
        return Pixels(
            weights=np.pad(weights, ((0, 0), (0, pixel - depth))),
            split=split,
            height=height,
            width=width,
            in_row=vertical.stride * in_width * pixel,
            in_pixel=horizontal.stride * pixel,
            in_signed=in_signed,
            out_pixel=channels if out_signed else round_up(channels, 4),
            out_signed=out_signed,
        )

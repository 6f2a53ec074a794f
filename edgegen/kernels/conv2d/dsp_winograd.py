"""3x3 convolution by Winograd F(4x4, 3x3) in exact integers, for cores with the DSP extension.

36 multiplications for 16 outputs instead of 144. Weights are transformed at build time and take
eight times the flash: 72 bytes for each pair of an input and an output channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Formats, Kernel, KernelIO, Packed
from edgegen.kernels.conv2d.winograd_layer import (
    F4X4,
    Transform,
    pack_weights,
    rejection,
    solved_layer,
)
from edgegen.kernels.conv2d.winograd_tile import Records, Stages
from edgegen.kernels.formats import DENSE, HWC, Layout, round_up
from edgegen.kernels.gemm import stream_constant
from edgegen.kernels.image_order import Reach, whole_pixels
from edgegen.kernels.order import Accesses, AccessOrder
from edgegen.ops.conv2d import Conv2D
from edgegen.target.cores import Core

DRIVER_BYTES = 1020
"""Code of the loop over tiles and of what it calls in C."""


class DspWinograd(Kernel[Conv2D]):
    """Stride 1, no dilation, no groups, any padding and size."""

    op: ClassVar[type[Op]] = Conv2D
    name: ClassVar[str] = "dsp_winograd"
    requires: ClassVar[frozenset[str]] = frozenset({"dsp"})
    code_bytes: ClassVar[int] = 5600
    expands: ClassVar[bool] = True
    pixels_per_pass: ClassVar[int] = 32
    transform: ClassVar[Transform] = F4X4

    def rejects(self, op: Conv2D, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        if not self._records(io).reachable:
            return "records of so many channels are too long for the tile's address ranges"
        return rejection(self.transform, op, io)

    def formats(self, op: Conv2D, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """Pixels of whole words, as u8 or as TFLite's int8."""
        sources, targets = (
            (HWC, DENSE) if tensor.type.shape[3] % 4 == 0 else (HWC,)
            for tensor in (io.input(0), io.output)
        )
        rest = tuple(DENSE for _ in io.inputs[1:])
        return tuple(Formats((a, *rest), b) for a in sources for b in targets)

    def code(self, op: Conv2D, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        return {self.path: DRIVER_BYTES, **self._stages(op, io).code}

    def scratch_bytes(self, op: Conv2D, io: KernelIO) -> int:  # noqa: ARG002
        """Records, and one tile of input pixels or later two of output pixels."""
        m = self.transform.outputs
        _, height, width, channels = io.output.type.shape
        apart = 2 * m * m * round_up(channels, 4) if height % m or width % m else 0
        return self._records(io).size + max(self._patch(io), apart)

    def order(self, op: Conv2D, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`: pairs of tiles, row by row."""

        def promise() -> Accesses:
            m, n = self.transform.outputs, self.transform.inputs
            height, width = io.output.type.shape[1:3]
            high, wide = -(-height // m), -(-width // m)
            tiles = np.arange(high * wide).reshape(high, wide) // 2
            reads = tiles
            for axis, window in enumerate(op.window(io)):
                inputs = io.input(0).type.shape[axis + 1]
                reads = Reach.run(inputs, m, n, window.before(inputs)).last_use(reads, axis)
            writes = tiles.repeat(m, axis=0).repeat(m, axis=1)[:height, :width]
            return whole_pixels(io, reads, writes)

        return AccessOrder(promise)

    def _records(self, io: OpIO) -> Records:
        return Records(self.transform, round_up(io.input(0).type.shape[3], 4))

    def _patch(self, io: OpIO) -> int:
        """Bytes of a tile's input pixels."""
        return self.transform.positions * self._records(io).channels

    def _stages(self, op: Conv2D, io: KernelIO) -> Stages:
        solved = solved_layer(self.transform, op, io)
        assert solved is not None
        pixel = round_up(io.output.type.shape[3], 4)
        return Stages(self._records(io), solved, pixel, io.output_format.layout is Layout.DENSE)

    def flash_bytes(self, op: Conv2D, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        return round_up(io.output.type.shape[3], 4) * self._stages(op, io).block

    def cost(self, op: Conv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        stages = self._stages(op, io)
        blocks = stages.pixel // 4
        tiles, inside = self._tiles(op, io)
        cycles = tiles * (stages.input_cycles + blocks * stages.output_cycles)
        cycles += -(-tiles // 2) * blocks * stages.multiply_cycles
        # The driver, measured: each tile, each call of a stage, and the copies of input tiles.
        cycles += tiles * (30 + 40 * blocks)
        cycles += (tiles - inside) * (350 + 7 * self._patch(io) // 8)
        return Cost(round(cycles * 0.9), cycles)

    def _tiles(self, op: Conv2D, io: KernelIO) -> tuple[int, int]:
        """Number of tiles, and of those whose input is read in place."""
        m, n = self.transform.outputs, self.transform.inputs
        counts, insides = [], []
        for axis, window in enumerate(op.window(io), start=1):
            inputs, outputs = io.input(0).type.shape[axis], io.output.type.shape[axis]
            starts = [at - window.before(inputs) for at in range(0, outputs, m)]
            counts.append(len(starts))
            insides.append(sum(0 <= at <= inputs - n for at in starts))
        copied = io.input_formats[0].layout is Layout.DENSE
        return counts[0] * counts[1], 0 if copied else insides[0] * insides[1]

    def pack(self, op: Conv2D, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        stages = self._stages(op, io)
        records = stages.records
        weights = io.input(1).values.astype(np.int64)
        stream = pack_weights(self.transform, weights, stages.solved, records.run)
        vertical, horizontal = op.window(io)
        _, in_height, in_width, _ = io.input(0).type.shape
        _, height, width, _ = io.output.type.shape
        pad = io.input(0).type.zero_point + 128
        return Packed(
            constants=(stream_constant(stream),),
            call={
                "blocks": stages.pixel // 4,
                "block": stages.block,
                "fixed": stages.block - 4 * stages.words_per_channel,
                "tile": records.tile // 4,
                "products": records.tile // 2,
                "in_height": in_height,
                "in_width": in_width,
                "in_pixel": records.channels,
                "pad_top": vertical.before(in_height),
                "pad_left": horizontal.before(in_width),
                "pad": f"0x{pad * 0x01010101:08x}u",
                "flip": "0x80808080u" if io.input_formats[0].layout is Layout.DENSE else "0u",
                "height": height,
                "width": width,
                "out_pixel": stages.pixel,
                "spare": records.size,
            },
            routine={"outputs": self.transform.outputs, "inputs": self.transform.inputs},
            pieces=stages.pieces,
        )

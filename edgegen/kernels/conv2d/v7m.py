"""Convolution for Armv7-M: both halves of the image at a time, two pixels a word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Formats, Kernel, KernelIO, Packed
from edgegen.kernels.formats import DENSE, HWC, Layout, round_up
from edgegen.kernels.gemm import pad_channels, stream_constant
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.pair_band import Band, pair_piece, stored_channels
from edgegen.kernels.pixel_pairs import PairTile, pack_pairs, pairs_fit
from edgegen.kernels.signed_layer import signed_layer
from edgegen.ops.conv2d import Conv2D
from edgegen.target.cores import Core

DRIVER_BYTES = 520
"""Code of the driver and of the function that merges rows."""
PAIR_CYCLES = 20
"""Cycles of the driver for one pair of pixels, measured."""


class V7mConv2D(Kernel[Conv2D]):
    """Any filter, stride, padding and dilation without groups."""

    op: ClassVar[type[Op]] = Conv2D
    name: ClassVar[str] = "v7m"
    requires: ClassVar[frozenset[str]] = frozenset({"armv7m"})
    code_bytes: ClassVar[int] = DRIVER_BYTES
    pixels_per_pass: ClassVar[int] = 2

    def rejects(self, op: Conv2D, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        if op.groups(io) != 1:
            return "the convolution has groups"
        solved = signed_layer(op, io)
        if solved is None:
            return "no requantisation constants could be proved for some channel"
        weights = io.input(1).values.astype(np.int64)
        depth = weights.shape[3]
        for channels in {depth, round_up(depth, 4)}:
            runs = Band.of(op, io, channels).runs
            if reason := PairTile(runs, solved, signed=False).reject:
                return reason
            padded = np.pad(weights, ((0, 0), (0, 0), (0, 0), (0, channels - depth)))
            if not pairs_fit(runs.order(padded)):
                return "two neighbouring weights are both -128"
        return ""

    def formats(self, op: Conv2D, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        targets = (HWC, DENSE) if io.output.type.shape[3] % 4 == 0 else (HWC,)
        rest = tuple(DENSE for _ in io.inputs[1:])
        return tuple(Formats((source, *rest), t) for source in (HWC, DENSE) for t in targets)

    def scratch_bytes(self, op: Conv2D, io: KernelIO) -> int:
        """The band and a row of padding."""
        return _band(op, io).scratch_bytes()

    def code(self, op: Conv2D, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        return {self.path: DRIVER_BYTES, **_tile(op, io).code}

    def order(self, op: Conv2D, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`."""
        return _band(op, io).order(io)

    def cost(self, op: Conv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`: the tile as counted, the loops of the C driver as measured."""
        band, tile = _band(op, io), _tile(op, io)
        each = tile.cost(round_up(io.output.type.shape[3], 4) // 4)
        calls = band.half * band.outputs[1]
        filling = band.cycles(io.input_formats[0])
        return Cost(
            calls * (each.instructions + 15) + filling * 3 // 4,
            calls * (each.cycles + PAIR_CYCLES) + filling,
        )

    def flash_bytes(self, op: Conv2D, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        tile = _tile(op, io)
        channels = round_up(io.output.type.shape[3], 4)
        return channels * (2 * tile.runs.total + 4 * tile.solved.words_per_channel)

    def pack(self, op: Conv2D, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        band, tile = _band(op, io), _tile(op, io)
        weights = io.input(1).values.astype(np.int64)
        channels = stored_channels(io, io.input_formats[0])
        weights = np.pad(weights, ((0, 0), (0, 0), (0, 0), (0, channels - weights.shape[3])))
        stream = pack_pairs(*pad_channels(tile.runs.order(weights), tile.solved))
        return Packed(
            constants=(stream_constant(stream),),
            call={**band.variables(io), "words": stream.size},
            pieces={"pair": pair_piece(io.input_formats[0]), **tile.pieces},
        )


def _band(op: Conv2D, io: KernelIO) -> Band:
    return Band.of(op, io, stored_channels(io, io.input_formats[0]))


def _tile(op: Conv2D, io: KernelIO) -> PairTile:
    solved = signed_layer(op, io)
    assert solved is not None
    return PairTile(_band(op, io).runs, solved, io.output_format.layout is Layout.DENSE)

"""Depthwise convolution of any filter for cores with the DSP extension, channel by channel.

A channel is widened to int16 and padded in scratch memory, once; the tile then needs no special
cases at borders, and any padding value is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Constant, Cost, Formats, Kernel, KernelIO, Packed
from edgegen.kernels.depthwise_conv2d.finish import Finish
from edgegen.kernels.depthwise_conv2d.gather_tile import BYTES, GatherTile
from edgegen.kernels.depthwise_conv2d.plane_layer import packed_pairs, solved_layer
from edgegen.kernels.formats import DENSE, HWC, PLANES_HIGH, PLANES_WIDE, Format, Layout, round_up
from edgegen.kernels.image_order import plane_order
from edgegen.kernels.order import AccessOrder
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.target.cores import Core

DRIVER_BYTES = 320
"""Code of the C driver that several layers share, measured; 240 for a layer of its own."""


@dataclass(frozen=True)
class Walk:
    """A tile and how the input lies for it.

    Attributes:
        tile: the tile.
        transposed: whether its rows run along the height.
        in_row: bytes between input pixels of neighbouring rows.
        in_pixel: bytes between input pixels of a row; 0 for words of planes.
        in_channel: bytes between input channels.
    """

    tile: GatherTile
    transposed: bool
    in_row: int
    in_pixel: int
    in_channel: int

    def cost(self, channels: int, multiplier: int) -> Cost:
        """Instructions and cycles of a layer.

        The tile is counted exactly. The loops of the C driver were measured: 13 cycles for a word
        of a plane, 8 for a pixel elsewhere, 12 for a pair of taps put in between, 4 for an element
        of padding.
        """
        tile = self.tile
        rows, length = tile.inputs
        read = 40 + rows * (5 + (13 * (length // 4) if not self.in_pixel else 8 * length))
        spread = 12 + tile.across.size * (4 + 12 * tile.line.even_words)
        count = tile.count()
        driver = channels * (20 + spread * bool(tile.line.odd_words))
        driver += channels // multiplier * read + 4 * tile.plane
        return Cost(
            channels * count.instructions + driver * 3 // 4, channels * count.cycles + driver
        )


class DspGeneralDepthwiseConv2D(Kernel[DepthwiseConv2D]):
    """Any filter, stride, dilation and multiplier, as far as the tile's immediates reach."""

    op: ClassVar[type[Op]] = DepthwiseConv2D
    name: ClassVar[str] = "dsp_general"
    requires: ClassVar[frozenset[str]] = frozenset({"dsp"})
    code_bytes: ClassVar[int] = 2048

    def rejects(self, op: DepthwiseConv2D, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        if solved_layer(op, io) is None:
            return "no requantisation constants could be proved for some channel"
        return "" if self.formats(op, io) else _walk(op, io, PLANES_WIDE, HWC).tile.reject

    def formats(self, op: DepthwiseConv2D, io: OpIO) -> tuple[Formats, ...]:
        """See `Kernel.formats`."""
        rest = tuple(DENSE for _ in io.inputs[1:])
        return tuple(
            Formats((source, *rest), target)
            for source in (PLANES_WIDE, PLANES_HIGH, HWC, DENSE)
            for target in (HWC, DENSE)
            if not _walk(op, io, source, target).tile.reject
        )

    def scratch_bytes(self, op: DepthwiseConv2D, io: KernelIO) -> int:
        """See `Kernel.scratch_bytes`."""
        tile = _site(op, io).tile
        return _plane_at(tile) + 2 * tile.plane

    def flash_bytes(self, op: DepthwiseConv2D, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        return io.output.type.shape[3] * _site(op, io).tile.stored_words * 4

    def order(self, op: DepthwiseConv2D, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`."""
        return plane_order(io, op.multiplier(io))

    def cost(self, op: DepthwiseConv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        return _site(op, io).cost(io.output.type.shape[3], op.multiplier(io))

    def code(self, op: DepthwiseConv2D, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`: the driver, which all layers share, and the tile."""
        tile = _site(op, io).tile
        size = round(BYTES * tile.count(static=True).instructions)
        return {self.path: DRIVER_BYTES, f"{self.path} {tile.variant}": size}

    def pack(self, op: DepthwiseConv2D, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        walk = _site(op, io)
        tile, layer = walk.tile, solved_layer(op, io)
        assert layer is not None
        stream = packed_pairs(io, layer, transposed=walk.transposed, dilation=tile.along.dilation)
        zero = io.input(0).type.zero_point + 128
        return Packed(
            constants=(Constant("weights", stream),),
            call={
                "channels": io.output.type.shape[3],
                "multiplier": op.multiplier(io),
                "rows": tile.inputs[0],
                "length": tile.inputs[1],
                "in_row": walk.in_row,
                "in_pixel": walk.in_pixel,
                "in_channel": walk.in_channel,
                "flip": 128 if io.input_formats[0].layout is Layout.DENSE else 0,
                "pad": zero,
                "pitch": tile.pitch,
                "first": tile.before[0] * tile.pitch + tile.before[1],
                "size": tile.plane,
                "words": tile.constants,
                "tap_rows": tile.across.size,
                "pairs": tile.line.even_words,
                "odd": tile.line.odd_words,
                "plane_at": _plane_at(tile),
            },
            pieces={"requantise": tile.finish.piece, "tile": tile.piece},
        )


def _plane_at(tile: GatherTile) -> int:
    """Bytes of scratch before the widened plane."""
    return 4 * tile.words if tile.line.odd_words else 0


def _site(op: DepthwiseConv2D, io: KernelIO) -> Walk:
    return _walk(op, io, io.input_formats[0], io.output_format)


def _walk(op: DepthwiseConv2D, io: OpIO, source: Format, target: Format) -> Walk:
    """The cheaper way to walk over the input; planes leave no choice."""
    if source in (PLANES_WIDE, PLANES_HIGH):
        return _along(op, io, source, target, transposed=source == PLANES_HIGH)
    ways = [_along(op, io, source, target, transposed=t) for t in (False, True)]
    channels, multiplier = io.output.type.shape[3], op.multiplier(io)
    return min(ways, key=lambda w: (bool(w.tile.reject), w.cost(channels, multiplier).cycles))


def _along(
    op: DepthwiseConv2D, io: OpIO, source: Format, target: Format, *, transposed: bool
) -> Walk:
    layer = solved_layer(op, io)
    assert layer is not None
    kind = io.input(0).type
    _, height, width, depth = kind.shape
    _, _, out_width, channels = io.output.type.shape
    signed = target.layout is Layout.DENSE
    pixel = channels if signed else round_up(channels, 4)
    axes = [(height, out_width * pixel), (width, pixel)]
    windows = list(op.window(io))
    if source in (PLANES_WIDE, PLANES_HIGH):
        steps = (source.pitch(kind), 0, source.plane(kind))
    else:
        step = depth if source.layout is Layout.DENSE else round_up(depth, 4)
        steps = (step, width * step, 1) if transposed else (width * step, step, 1)
    if transposed:
        axes.reverse()
        windows.reverse()
    tile = GatherTile(
        windows[0],
        windows[1],
        (axes[0][0], axes[1][0]),
        axes[0][1],
        axes[1][1],
        Finish(layer.solved, signed),
    )
    return Walk(tile, transposed, *steps)

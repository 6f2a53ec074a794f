"""Depthwise convolution for cores without SMLAD: two neighbouring outputs in one multiplication.

Channel by channel, rows of the input become words of pixel pairs in scratch memory, padding
included. A weight times such a word is its product with both pixels, and as long as the sums of a
filter row fit 16 bits, both halves can be told apart.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Constant, Cost, Formats, Kernel, KernelIO, Packed, Piece
from edgegen.kernels.depthwise_conv2d.pair_geometry import (
    GROUP,
    TAPS,
    Axis,
    PairRow,
    fits,
    fits_across,
)
from edgegen.kernels.formats import DENSE, HWC, Layout, round_up
from edgegen.kernels.image_order import Reach, line_order
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.solved import Source, layer_channels
from edgegen.kernels.split import Split, solve_split
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.quant.fixed_point import Int64
from edgegen.quant.staircase import Bools
from edgegen.target.cores import Core

SCRATCH_BYTES = 2560
"""Rows of pairs are made for the whole image if they fit, else for as many output rows as do."""

MEASURED = 0.83
"""Measured cycles for each counted one: what the compiler makes of the driver is less."""
CHANNEL_CYCLES = 330
"""Cycles for one channel's start and that of its functions, measured."""


class V6mPairs(Kernel[DepthwiseConv2D]):
    """Filters of up to 3x3, strides of 1 or 2 along one axis, any across it, any multiplier."""

    op: ClassVar[type[Op]] = DepthwiseConv2D
    name: ClassVar[str] = "v6m_pairs"
    requires: ClassVar[frozenset[str]] = frozenset({"armv6m"})
    code_bytes: ClassVar[int] = 1700

    def rejects(self, op: DepthwiseConv2D, io: OpIO, core: Core) -> str:
        """See `Kernel.rejects`."""
        if not _axes(op, io):
            return "the filter is larger than 3x3, dilated, or its strides are over 2"
        formats = self.formats(op, io)[0]
        site = KernelIO(io.inputs, io.outputs, formats.inputs, formats.output, core)
        layer = _best(op, site)
        if layer is None:
            return "no requantisation constants could be proved for some channel"
        if layer.parted is None:
            return "two neighbouring weights are both -128"
        return ""

    def formats(self, op: DepthwiseConv2D, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        rest = tuple(DENSE for _ in io.inputs[1:])
        pairs = ((source, target) for source in (HWC, DENSE) for target in (HWC, DENSE))
        return tuple(Formats((source, *rest), target) for source, target in pairs)

    def scratch_bytes(self, op: DepthwiseConv2D, io: KernelIO) -> int:
        """See `Kernel.scratch_bytes`: rows of pairs."""
        return _chosen(op, io).filling * _chosen(op, io).pitch

    def order(self, op: DepthwiseConv2D, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`: channel by channel, and fillings of rows in turn."""
        layer = _chosen(op, io)
        rows, step = layer.rows, layer.outputs * layer.rows.stride
        reach = Reach.run(rows.inputs, step, layer.filling, rows.before)
        return line_order(io, reach, layer.outputs, transposed=layer.transposed)

    def flash_bytes(self, op: DepthwiseConv2D, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        layer = _chosen(op, io)
        return 4 * layer.channels * layer.words

    def cost(self, op: DepthwiseConv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        cycles = round(MEASURED * _chosen(op, io).cycles)
        return Cost(round(0.8 * cycles), cycles)

    def pack(self, op: DepthwiseConv2D, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        layer = _chosen(op, io)
        return Packed(
            constants=(Constant("weights", layer.stream),),
            call={
                "layer": layer,
                "row": layer.row,
                "rows": layer.rows,
                "pad": io.input(0).type.zero_point,
                "end": layer.row.groups * layer.row.group_bytes,
                "down": layer.rows.stride * layer.pitch,
                "turn": layer.out_row - layer.rows_axis_outputs * layer.out_pixel,
                "whole": int(layer.outputs >= layer.rows.outputs),
            },
            helpers=("v6m_pairs",),
            pieces=layer.pieces,
        )


@dataclass(frozen=True, eq=False)
class PairLayer:
    """A layer with its rows along one of the image's axes.

    Attributes:
        split: the requantisation.
        weights: int64 [channels, rows, 3], rows of taps along the row axis, padded to 3x3.
        row: the row of pairs.
        rows: the axis across the rows.
        in_pixel: input bytes from pixel to pixel of a row.
        in_row: input bytes from row to row.
        out_pixel: output bytes from pixel to pixel of a row.
        out_row: output bytes from row to row.
        multiplier: output channels for each input channel.
        transposed: whether rows run along the height.
        in_signed: whether the input is stored as int8.
        out_signed: whether the output is.
    """

    split: Split
    weights: Int64
    row: PairRow
    rows: Axis
    in_pixel: int
    in_row: int
    out_pixel: int
    out_row: int
    multiplier: int
    transposed: bool
    in_signed: bool
    out_signed: bool

    @property
    def channels(self) -> int:
        """Of the output."""
        return len(self.weights)

    @property
    def rows_axis_outputs(self) -> int:
        """Outputs of a row."""
        return self.row.axis.outputs

    @property
    def pitch(self) -> int:
        """Bytes of a row of pairs."""
        return 4 * self.row.words

    @property
    def outputs(self) -> int:
        """Output rows that are computed from one filling."""
        for count in range(self.rows.outputs, 1, -1):
            if ((count - 1) * self.rows.stride + TAPS) * self.pitch <= SCRATCH_BYTES:
                return count
        return 1

    @property
    def filling(self) -> int:
        """Input rows of one filling, padding included."""
        return (self.outputs - 1) * self.rows.stride + TAPS

    @property
    def words(self) -> int:
        """Constants of a channel, in 32-bit words."""
        return TAPS + 1 + self.split.words_per_channel

    @property
    def _live(self) -> Int64:
        return self.weights * ~self.split.constant[:, np.newaxis, np.newaxis]

    @cached_property
    def parted(self) -> Bools | None:
        """Channels whose rows must be summed in two parts; None where not even that is exact."""
        if not (_fits16(self._live[..., :2]).all() and _fits16(self._live[..., 2:]).all()):
            return None
        parted: Bools = np.asarray(~_fits16(self._live).all(axis=1))
        return parted

    @property
    def stream(self) -> npt.NDArray[np.uint32]:
        """Constants of all channels in the tile's order."""
        assert self.parted is not None
        places = (self._live & 255) << np.array([0, 8, 16])
        taps = places.sum(axis=2)
        taps[:, 0] |= np.where(self.parted, 1 << 24, 0)
        words = np.concatenate([taps, self.split.bias[:, np.newaxis], self.split.words], axis=1)
        return (words & 0xFFFFFFFF).astype(np.uint32).ravel()

    @property
    def cycles(self) -> int:
        """Cycles on a Cortex-M0+."""
        assert self.parted is not None
        form = self.split.cycles(signed=self.out_signed) - 8
        outputs = self.rows_axis_outputs
        group = 144 + (0 if self.row.axis.stride == 1 else -3)
        last = self.row.last
        row = self.row.groups * group + outputs * (form + 8) + 30
        parted = int(self.parted.sum()) * self.row.groups * 23
        fillings = -(-self.rows.outputs // self.outputs)
        made = fillings * (self.filling + 1)
        channel = fillings * CHANNEL_CYCLES + self.rows.outputs * row + made * self.row.cycles
        return 100 + self.channels * channel + self.rows.outputs * parted - 0 * last

    @property
    def pieces(self) -> dict[str, Piece]:
        """Both tiles and the requantisation of portable C."""
        requantise = self.split.piece(signed=self.out_signed)
        row, words = self.row, self.split.words_per_channel
        spread = {
            "signed": self.in_signed,
            "stride": row.axis.stride,
            "first": row.first,
            "looped": row.main > 0,
            "rounds": row.rounds,
            "valid": sum(row.tail),
            "missing": len(row.tail) - sum(row.tail),
        }
        name = f"s{row.axis.stride}{'p' if row.first else ''}{'n' if row.main else ''}"
        tail = "".join("v" if valid else "p" for valid in row.tail)
        constants_at = 4 * TAPS * TAPS
        rows_at = constants_at + 4 * words
        order = (
            "rows",
            "end",
            "down",
            "pitch",
            "back",
            "step",
            "turn",
            "out",
            "x",
            "limit",
            "flag",
        )
        places = {f"{key}_at": rows_at + 4 * i for i, key in enumerate(order)}
        first_stride = row.axis.stride == 1
        taps = {
            **requantise.variables,
            **places,
            "frame": round_up(rows_at + 4 * len(order), 8),
            "weights_at": 0,
            "extra_at": constants_at + 12,
            "low_at": rows_at - 4,
            "stride": row.axis.stride,
            "group": GROUP,
            "group_bytes": row.group_bytes,
            "last": row.last,
            "walked": 20 if first_stride else 24,
            "returned": 60 - 16 if first_stride else 72 - 24,
            "copies": [
                "{r4-r7}",
                *(f"{{r4{f'-r{4 + n - 1}' if n > 1 else ''}}}" for n in [words - 4] if n),
            ],
            "loaded": "{r0-r2, r4, r7}" if self.split.fine else "{r0-r2, r7}",
            "requantise": requantise.variant,
        }
        return {
            "requantise": requantise,
            "spread": Piece(
                "v6m_spread", f"{'s8' if self.in_signed else 'u8'}_{name}_{tail}", spread
            ),
            "taps": Piece("v6m_taps", f"s{row.axis.stride}_{row.last}_{requantise.variant}", taps),
        }


def _fits16(weights: Int64) -> Bools:
    """Whether sums over the last axis fit int16, for inputs from -128 to 127."""
    one, other = weights * -128, weights * 127
    least, greatest = np.minimum(one, other).sum(axis=-1), np.maximum(one, other).sum(axis=-1)
    fit: Bools = (least >= -(1 << 15)) & (greatest < 1 << 15)
    return fit


def _axes(op: DepthwiseConv2D, io: OpIO) -> tuple[bool, ...]:
    """For which axes rows of pairs can lie along them: False for the width, True for the height."""
    vertical, horizontal = op.window(io)
    _, height, width, _ = io.input(0).type.shape
    found = []
    if fits(horizontal, width) and fits_across(vertical):
        found.append(False)
    if fits(vertical, height) and fits_across(horizontal):
        found.append(True)
    return tuple(found)


def _best(op: DepthwiseConv2D, io: KernelIO) -> PairLayer | None:
    """The layer along the quicker axis; None where no requantisation is proved."""
    layers = [_layer(op, io, transposed=t) for t in _axes(op, io)]
    found = [layer for layer in layers if layer is not None]
    exact = [layer for layer in found if layer.parted is not None]
    return min(exact, key=lambda layer: layer.cycles) if exact else next(iter(found), None)


def _chosen(op: DepthwiseConv2D, io: KernelIO) -> PairLayer:
    layer = _best(op, io)
    assert layer is not None
    return layer


def _layer(op: DepthwiseConv2D, io: KernelIO, *, transposed: bool) -> PairLayer | None:
    split = _solve(_Site(op, OpIO(io.inputs, io.outputs), _values(io)))
    if split is None:
        return None
    _, height, width, depth = io.input(0).type.shape
    _, _, out_width, channels = io.output.type.shape
    vertical, horizontal = op.window(io)
    in_signed = io.input_formats[0].layout is Layout.DENSE
    out_signed = io.output_format.layout is Layout.DENSE
    in_pixel = depth if in_signed else round_up(depth, 4)
    out_pixel = channels if out_signed else round_up(channels, 4)
    weights = io.input(1).values[0].astype(np.int64).transpose(2, 0, 1)
    rows, columns = Axis.of(vertical, height), Axis.of(horizontal, width)
    in_steps, out_steps = (in_pixel, width * in_pixel), (out_pixel, out_width * out_pixel)
    if transposed:
        weights = weights.transpose(0, 2, 1)
        rows, columns = columns, rows
        in_steps, out_steps = in_steps[::-1], out_steps[::-1]
    missing = [(0, 0), (0, TAPS - weights.shape[1]), (0, TAPS - weights.shape[2])]
    return PairLayer(
        split=split,
        weights=np.pad(weights, missing),
        row=PairRow.of(columns),
        rows=rows,
        in_pixel=in_steps[0],
        in_row=in_steps[1],
        out_pixel=out_steps[0],
        out_row=out_steps[1],
        multiplier=op.multiplier(io),
        transposed=transposed,
        in_signed=in_signed,
        out_signed=out_signed,
    )


@dataclass(frozen=True)
class _Site:
    """Everything that constants depend on, with the values that tensors leave out of `==`."""

    op: DepthwiseConv2D
    io: OpIO
    values: tuple[bytes, ...]


def _values(io: OpIO) -> tuple[bytes, ...]:
    return tuple(t.values.tobytes() for t in io.inputs[1:] if t is not None)


@functools.lru_cache(maxsize=256)
def _solve(site: _Site) -> Split | None:
    op, io = site.op, site.io
    weights = io.input(1).values[0].astype(np.int64)
    taps: Int64 = weights.reshape(-1, weights.shape[2]).T
    inputs = Source.of(io.input(0).type.zero_point, signed=True)
    return solve_split(layer_channels(io, taps, inputs, op.output_range(io), op.multipliers(io)))


def _registers(count: int) -> list[str]:
    """A list of `count` registers from r4 on, as LDM takes it; nothing for none."""
    if not count:
        return []
    return ["{r4}" if count == 1 else f"{{r4-r{3 + count}}}"]

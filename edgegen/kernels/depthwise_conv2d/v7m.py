"""Depthwise convolution for Armv7-M: two pixels a word, as in `edgegen.kernels.pixel_pairs`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Constant, Cost, Formats, Kernel, KernelIO, Packed, Piece
from edgegen.kernels.formats import DENSE, HWC, Format, Layout, round_up
from edgegen.kernels.gemm import MAX_OFFSET, add
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.pair_band import Band, pair_piece, stored_channels
from edgegen.kernels.pixel_pairs import finish_cost, finish_piece, finish_variables, pairs_fit
from edgegen.kernels.signed_layer import signed_layer
from edgegen.kernels.solved import Solved
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.target.cores import Core

MAX_TAPS = 64
"""Taps are unrolled without a loop: 50 bytes of code for two."""
DRIVER_BYTES = 520
"""Code of the driver and of the function that merges rows."""
LINE_CYCLES = 38
"""Cycles of the driver and of the tile's entry for a line of one channel, measured."""


@dataclass(frozen=True)
class Step:
    """One or two taps.

    Attributes:
        move: what the pointer is moved by before, bytes.
        first: offset of the first tap from the pointer, bytes.
        second: that of the other tap, or None.
        tap: index of the first tap.
    """

    move: int
    first: int
    second: int | None
    tap: int


def schedule(offsets: tuple[int, ...]) -> tuple[Step, ...]:
    """Pairs taps in order; the pointer moves where the immediate offsets of a load end.

    Args:
        offsets: of each tap from the first, bytes, ascending.
    """
    steps, base = [], 0
    for i in range(0, len(offsets), 2):
        pair = offsets[i : i + 2]
        move = 0 if pair[-1] - base <= MAX_OFFSET else pair[0] - base
        base += move
        second = pair[1] - base if len(pair) == 2 else None
        steps.append(Step(move, pair[0] - base, second, i))
    return tuple(steps)


@dataclass(frozen=True)
class DepthwiseTile:
    """A tile made to measure.

    Attributes:
        shape: rows and columns of taps.
        pitch: bytes from one row of taps to the next, and from one column to the next.
        step: bytes from an output's taps to the next one's.
        out_step: bytes from an output to the next.
        solved: the requantisation.
        signed: whether it writes TFLite's int8 instead of u8.
    """

    shape: tuple[int, int]
    pitch: tuple[int, int]
    step: int
    out_step: int
    solved: Solved
    signed: bool

    @classmethod
    def of(cls, op: DepthwiseConv2D, io: OpIO, source: Format, target: Format) -> DepthwiseTile:
        """The tile for a combination of formats, of a layer that has constants."""
        solved = signed_layer(op, io)
        assert solved is not None
        channels, count = stored_channels(io, source), io.output.type.shape[3]
        band = Band.of(op, io, channels)
        high, wide = op.window(io)
        pitch = (4 * high.dilation * band.pitch, 4 * wide.dilation * channels)
        signed = target.layout is Layout.DENSE
        pixel = count if signed else round_up(count, 4)
        return cls((high.size, wide.size), pitch, 4 * band.step_wide, pixel, solved, signed)

    @property
    def offsets(self) -> tuple[int, ...]:
        """Of each tap from the first, bytes."""
        (rows, columns), (down, right) = self.shape, self.pitch
        return tuple(y * down + x * right for y in range(rows) for x in range(columns))

    @property
    def reject(self) -> str:
        """Why the tile cannot be made; empty when it can."""
        steps = schedule(self.offsets)
        if len(self.offsets) > MAX_TAPS:
            return f"the filter has more than {MAX_TAPS} taps"
        far = any(max(s.first, s.second or 0) > MAX_OFFSET for s in steps)
        rewind = abs(self.step - sum(s.move for s in steps))
        if far or max(s.move for s in steps) >= 1 << 16 or max(rewind, self.out_step) >= 1 << 16:
            return "taps are too far apart for the tile's address ranges"
        return ""

    @property
    def words(self) -> int:
        """Words of a channel: taps, then constants."""
        return round_up(len(self.offsets), 4) // 4 + self.solved.words_per_channel

    @property
    def variant(self) -> str:
        """Tells tiles apart by everything their code depends on."""
        finish = finish_piece(self.solved, signed=self.signed).variant
        (rows, columns), (down, right) = self.shape, self.pitch
        shape = f"{rows}x{columns}_{down}_{right}_{self.step}_{self.out_step}"
        return f"{shape}_{self.solved.k}_{finish}"

    @property
    def code(self) -> dict[str, int]:
        """Bytes of code of the tile: 34 for two taps."""
        each = 66 if self.solved.form == "linear" else 100
        return {f"v7m_depthwise {self.variant}": 17 * len(self.offsets) + 60 + each}

    @property
    def pieces(self) -> dict[str, Piece]:
        """The tile and the requantisation of its portable twin."""
        return {
            "requantise": finish_piece(self.solved, signed=self.signed),
            "tile": Piece("v7m_depthwise", self.variant, self._variables()),
        }

    def _variables(self) -> dict[str, Any]:
        steps = schedule(self.offsets)
        taps = len(self.offsets)
        return {
            **finish_variables(self.solved, signed=self.signed),
            "taps": taps,
            "offsets": [offset // 4 for offset in self.offsets],
            "step": self.step,
            "out_step": self.out_step,
            "at": round_up(taps, 4),
            "steps": [
                {
                    "move": add("r0", s.move, "lr") if s.move else "",
                    "first": s.first,
                    "second": s.second,
                    "two": s.second is not None,
                    "tap": s.tap,
                }
                for s in steps
            ],
            "next": add("r0", self.step - sum(s.move for s in steps), "lr"),
            "next_out": add("r2", self.out_step, "lr"),
        }

    def cost(self) -> Cost:
        """One pair of pixels, counted from the template."""
        steps = schedule(self.offsets)
        pairs = sum(s.second is not None for s in steps)
        moves = sum(1 for s in steps if s.move)
        finish = finish_cost(self.solved, 2)
        after = 2 * (bool(self.solved.saturation.offset) + self.signed) + moves
        instructions = 9 * pairs + 6 * (len(steps) - pairs) + 1 + finish.instructions + 6
        cycles = 11 * pairs + 7 * (len(steps) - pairs) + 1 + finish.cycles + 8
        return Cost(instructions + after, cycles + after)


class V7mDepthwiseConv2D(Kernel[DepthwiseConv2D]):
    """Any filter of up to 64 taps, any stride, padding, dilation and multiplier."""

    op: ClassVar[type[Op]] = DepthwiseConv2D
    name: ClassVar[str] = "v7m"
    requires: ClassVar[frozenset[str]] = frozenset({"armv7m"})
    code_bytes: ClassVar[int] = DRIVER_BYTES
    pixels_per_pass: ClassVar[int] = 2

    def rejects(self, op: DepthwiseConv2D, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        if signed_layer(op, io) is None:
            return "no requantisation constants could be proved for some channel"
        taps = io.input(1).values[0].astype(np.int64)
        if not pairs_fit(taps.reshape(-1, taps.shape[-1]).T):
            return "two neighbouring weights are both -128"
        for formats in self.formats(op, io):
            if reason := DepthwiseTile.of(op, io, formats.inputs[0], formats.output).reject:
                return reason
        return ""

    def formats(self, op: DepthwiseConv2D, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        rest = tuple(DENSE for _ in io.inputs[1:])
        return tuple(Formats((source, *rest), t) for source in (HWC, DENSE) for t in (HWC, DENSE))

    def scratch_bytes(self, op: DepthwiseConv2D, io: KernelIO) -> int:
        """The band and a row of padding."""
        return _band(op, io).scratch_bytes()

    def flash_bytes(self, op: DepthwiseConv2D, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        return 4 * io.output.type.shape[3] * _tile(op, io).words

    def code(self, op: DepthwiseConv2D, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        return {self.path: DRIVER_BYTES, **_tile(op, io).code}

    def order(self, op: DepthwiseConv2D, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`."""
        return _band(op, io).order(io)

    def cost(self, op: DepthwiseConv2D, io: KernelIO) -> Cost:
        """See `Kernel.cost`: the tile as counted, the loops of the C driver as measured."""
        band, each = _band(op, io), _tile(op, io).cost()
        lines = band.half * io.output.type.shape[3]
        filling = band.cycles(io.input_formats[0])
        return Cost(
            lines * (band.outputs[1] * each.instructions + 24) + filling * 3 // 4,
            lines * (band.outputs[1] * each.cycles + LINE_CYCLES) + filling,
        )

    def pack(self, op: DepthwiseConv2D, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        band, tile = _band(op, io), _tile(op, io)
        channels = io.output.type.shape[3]
        return Packed(
            constants=(Constant("weights", _stream(io, tile.solved)),),
            call={
                **band.variables(io),
                "channels": channels,
                "multiplier": op.multiplier(io),
                "words": tile.words,
            },
            pieces={"pair": pair_piece(io.input_formats[0]), **tile.pieces},
        )


def _stream(io: KernelIO, solved: Solved) -> npt.NDArray[np.uint32]:
    """Of each channel: its taps as int8, filled up to words, then its constants."""
    taps = io.input(1).values[0].astype(np.int64)
    taps = taps.reshape(-1, taps.shape[-1]).T
    taps = np.where(solved.constant[:, np.newaxis], 0, taps)
    bytes_ = np.pad(taps, ((0, 0), (0, -taps.shape[1] % 4))).astype(np.int8)
    words = np.ascontiguousarray(bytes_).view("<u4").astype(np.uint32)
    constants = (solved.words & 0xFFFFFFFF).astype(np.uint32)
    result: npt.NDArray[np.uint32] = np.concatenate([words, constants], axis=1).ravel()
    return result


def _band(op: DepthwiseConv2D, io: KernelIO) -> Band:
    return Band.of(op, io, stored_channels(io, io.input_formats[0]))


def _tile(op: DepthwiseConv2D, io: KernelIO) -> DepthwiseTile:
    return DepthwiseTile.of(op, io, io.input_formats[0], io.output_format)

"""A matrix times the pixels of an image, by the quad tile: 1x1 convolutions and dense layers.

Each pixel's bytes are made into quads once, in scratch memory, and the tile computes all of its
channels from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from edgegen.kernels.balance import balanced_order
from edgegen.kernels.base import Constant, ConstantKind, Cost, Packed, Piece
from edgegen.kernels.formats import round_up
from edgegen.kernels.order import Accesses, AccessOrder, steps
from edgegen.kernels.quads import (
    QUAD_BYTES,
    QuadWeights,
    Runs,
    Tile,
    fit_quads,
    group_taps,
    pack_stream,
    stream_words,
)
from edgegen.kernels.split import Split
from edgegen.quant.fixed_point import Int64

LONGEST_ORDER = 1024
"""Taps up to which a better order is searched for: the time grows with the square."""

DRIVER_CYCLES = 70
"""Cycles of the driver for one pixel, measured."""

WIDEN_CYCLES = {"words": 23, "bytes": 31, "order": 39}
"""Cycles to make a quad of bytes, by how they are read; three more for int8."""


@dataclass(frozen=True)
class Source:
    """How a pixel's bytes are read.

    Attributes:
        kind: `words` (four after four, aligned), `bytes`, or `order` (by a table of offsets).
        signed: whether they are TFLite's int8 instead of u8.
    """

    kind: str
    signed: bool

    @property
    def piece(self) -> Piece:
        """The C function that makes quads of them."""
        name = f"{'s8' if self.signed else 'u8'}_{self.kind}"
        return Piece("v6m_widen", name, {"source": self.kind, "signed": self.signed})

    def cycles(self, quads: int) -> int:
        """Cycles of one call on a Cortex-M0+."""
        return 45 + (WIDEN_CYCLES[self.kind] + 3 * self.signed) * quads


@dataclass(frozen=True, eq=False)
class Pixels:
    """The layer.

    Attributes:
        weights: int64 [channels, bytes of a pixel].
        split: the requantisation.
        height: rows of output pixels.
        width: output pixels of a row.
        in_row: input bytes from an output row's pixels to the next one's.
        in_pixel: input bytes from an output's pixel to its neighbour's.
        in_signed: whether the input is stored as int8.
        out_pixel: output bytes from one pixel to the next.
        out_signed: whether the output is stored as int8, without slack after the last pixel.
    """

    weights: Int64
    split: Split
    height: int
    width: int
    in_row: int
    in_pixel: int
    in_signed: bool
    out_pixel: int
    out_signed: bool

    @property
    def channels(self) -> int:
        """Of the output."""
        return len(self.weights)

    @property
    def depth(self) -> int:
        """Input bytes of a pixel."""
        return int(self.weights.shape[1])

    @property
    def count(self) -> int:
        """Output pixels."""
        return self.height * self.width

    @cached_property
    def _plain(self) -> Source:
        aligned = self.in_row % 4 == 0 and self.in_pixel % 4 == 0
        return Source("words" if aligned else "bytes", self.in_signed)

    @cached_property
    def _options(self) -> tuple[tuple[Source, tuple[int, ...]], ...]:
        """Ways to read a pixel: as it is, and in the balanced order."""
        plain = (self._plain, tuple(range(round_up(self.depth, 4))))
        if self.depth % 4 or self.depth > LONGEST_ORDER:
            return (plain,)
        return plain, (Source("order", self.in_signed), balanced_order(self._live))

    @property
    def _live(self) -> Int64:
        return self.weights * ~self.split.constant[:, np.newaxis]

    @cached_property
    def choice(self) -> tuple[Source, tuple[int, ...], QuadWeights, Tile] | None:
        """The cheapest: how pixels are read, the order of taps, weights and tile."""
        found = []
        for source, order in self._options:
            padded = group_taps(self._live)
            taps = padded.reshape(self.channels, -1)[:, list(order)]
            fitted = fit_quads(taps.reshape(padded.shape))
            if fitted is not None:
                runs = Runs(padded.shape[1])
                tile = Tile.best(self.channels, runs, self.split, signed=self.out_signed)
                found.append((source, order, fitted, tile))
        return min(found, key=lambda f: self._pixel_cycles(f[0], f[2], f[3]), default=None)

    @property
    def _chosen(self) -> tuple[Source, tuple[int, ...], QuadWeights, Tile]:
        assert self.choice is not None
        return self.choice

    def _pixel_cycles(self, source: Source, fitted: QuadWeights, tile: Tile) -> int:
        corrections = int(fitted.corrections.sum())
        widen = source.cycles(tile.runs.total)
        return DRIVER_CYCLES + widen + tile.cycles(self.channels, corrections)

    @property
    def _spare(self) -> int:
        """Bytes that the last pixel's output needs in scratch memory; 0 where it needs none."""
        block = self._chosen[3].block
        return round_up(self.channels, block) if self.out_signed and self.channels % block else 0

    @property
    def scratch_bytes(self) -> int:
        """Quads of one pixel, and the last pixel's output where its block is not whole."""
        return QUAD_BYTES * self._chosen[3].runs.total + round_up(self._spare, 4)

    @property
    def flash_bytes(self) -> int:
        """Bytes of constants."""
        source, order, fitted, tile = self._chosen
        table = 2 * len(order) if source.kind == "order" else 0
        return 4 * stream_words(self.channels, int(fitted.corrections.sum()), tile) + table

    @property
    def cost(self) -> Cost:
        """Instructions and cycles on a Cortex-M0+."""
        source, _, fitted, tile = self._chosen
        cycles = 60 + self.count * self._pixel_cycles(source, fitted, tile)
        return Cost(round(0.86 * cycles), cycles)

    def order(self, size: int) -> AccessOrder:
        """Pixel by pixel; the tile writes whole blocks of channels.

        Args:
            size: bytes of the output.
        """

        def promise() -> Accesses:
            y, x = np.divmod(np.arange(self.count), self.width)
            first = y * self.in_row + x * self.in_pixel
            at = np.arange(self.count) * self.out_pixel
            block = self._chosen[3].block
            written = np.minimum(at + max(self.out_pixel, round_up(self.channels, block)), size)
            return steps((first, first + self.depth), (at, written))

        return AccessOrder(promise)

    def pack(self) -> Packed:
        """Constants and variables of the templates that import `lib/v6m_pixels.j2`."""
        source, order, fitted, tile = self._chosen
        stream = pack_stream(fitted, tile)
        constants = [Constant("weights", stream)]
        if source.kind == "order":
            table = np.array(order, np.uint16)
            constants.append(Constant("order", table, ConstantKind.TABLE))
        pieces = {"widen": source.piece, **tile.pieces}
        call: dict[str, Any] = {
            "words": stream.size,
            "runs": [] if tile.runs.unrolled else tile.runs.passes().tolist(),
            "ordered": source.kind == "order",
            "height": self.height,
            "width": self.width,
            "in_row": self.in_row,
            "in_pixel": self.in_pixel,
            "quads": self.depth // 4,
            "rest": self.depth % 4,
            "out_pixel": self.out_pixel,
            "spare": self._spare,
            "spare_at": QUAD_BYTES * tile.runs.total,
        }
        return Packed(constants=tuple(constants), call=call, helpers=("v6m_run",), pieces=pieces)

"""Means over the height that take rows as they come: sums in the arena, divided at the last row.

Sums are those of bytes as u8. Where they fit 16 bits and pixels are padded to words, two channels
share a word and are added at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgegen.ir import OpIO
from edgegen.kernels.base import Cost, Formats, KernelIO
from edgegen.kernels.formats import DENSE, HWC, Layout, round_up
from edgegen.kernels.pooled import pixel_pitch

SHORT_VALUES = 257
"""Bytes whose sum fits 16 bits."""

ROW_CYCLES = 40
"""Of a layer's function and its driver for each row."""


@dataclass(frozen=True)
class RowSums:
    """The sums of a layer.

    Attributes:
        rows: input rows.
        places: means of each channel: 1, or one for each column.
        values: pixels of a row in one mean.
        channels: of a pixel.
        in_pixel: bytes from one input pixel to the next.
        out_pixel: bytes from one output pixel to the next.
        lanes: whether two sums share a word.
        flip: whether input bytes are int8.
        signed: whether output bytes are.
    """

    rows: int
    places: int
    values: int
    channels: int
    in_pixel: int
    out_pixel: int
    lanes: bool
    flip: bool
    signed: bool

    @classmethod
    def of(cls, io: KernelIO, *, whole_rows: bool) -> RowSums:
        """Those of a mean over height, and over the width with `whole_rows`; one image, NHWC."""
        _, rows, width, channels = io.input(0).type.shape
        places, values = (1, width) if whole_rows else (width, 1)
        source, target = io.input_formats[0], io.output_format
        return cls(
            rows,
            places,
            values,
            channels,
            pixel_pitch(source, channels),
            pixel_pitch(target, channels),
            source == HWC and rows * values <= SHORT_VALUES and io.core.unaligned_access,
            source.layout is Layout.DENSE,
            target.layout is Layout.DENSE,
        )

    @property
    def count(self) -> int:
        """Values of a mean."""
        return self.rows * self.values

    @property
    def _sums(self) -> int:
        """Sums of a place."""
        return round_up(self.channels, 4) if self.lanes else self.channels

    @property
    def _short(self) -> bool:
        return self.count <= SHORT_VALUES

    @property
    def bytes(self) -> int:
        """Of all sums."""
        return self.places * self._sums * (2 if self._short else 4)

    @property
    def variant(self) -> str:
        """Tells routines apart."""
        sums = "lanes" if self.lanes else ("short" if self._short else "long")
        return f"{sums}_{'s8' if self.flip else 'u8'}_{'s8' if self.signed else 'u8'}"

    @property
    def routine(self) -> dict[str, Any]:
        """Variables of the routine."""
        short = "uint16_t" if self._short else "uint32_t"
        return {
            "lanes": self.lanes,
            "sum": "uint32_t" if self.lanes else short,
            "flip": self.flip,
            "signed": self.signed,
        }

    @property
    def call(self) -> dict[str, Any]:
        """Variables of the call."""
        return {
            "last": self.rows - 1,
            "places": self.places,
            "row_values": self.values,
            "channels": self.channels,
            "sums": self._sums,
            "in_pixel": self.in_pixel,
            "out_pixel": self.out_pixel,
            "sum": self.routine["sum"],
        }

    def cost(self, each: int) -> Cost:
        """Cycles on a Cortex-M4; `each` is what an output takes at the end."""
        sums, read = self.places * self._sums, self.places * self._sums * self.values
        row = (10 * read + 20 * sums) // 4 if self.lanes else 8 * read + 18 * sums
        cycles = self.rows * (ROW_CYCLES + row) + each * self.places * self.channels
        return Cost(round(0.75 * cycles), cycles)


def sum_formats(io: OpIO) -> tuple[Formats, ...]:
    """Channels of a pixel together, dense or padded."""
    rest = tuple(DENSE for _ in io.inputs[1:])
    return tuple(Formats((s, *rest), t) for s in (HWC, DENSE) for t in (HWC, DENSE))

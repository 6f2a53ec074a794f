"""Pairs of input rows for the Armv7-M convolutions, half an image apart, with their padding.

Row y of the output is computed together with row y + half. The input rows of a few such pairs are
merged into scratch memory, padding included: the band. The taps of a pair of outputs then lie at
constant distances in it. A 1x1 filter without stride takes its pixels as one column, or a few, so
that an odd height costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgegen.ir import OpIO
from edgegen.kernels.base import KernelIO, Piece
from edgegen.kernels.formats import Format, Layout, round_up
from edgegen.kernels.image_order import Reach
from edgegen.kernels.order import UNTOUCHED, Accesses, AccessOrder, by_byte
from edgegen.kernels.pixel_pairs import Runs, split
from edgegen.kernels.pooled import pixel_pitch
from edgegen.ops.conv2d import Conv2D
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.ops.window import Window

BAND_LINES = 2
"""Output rows of a band where windows overlap: more would merge less input twice."""


@dataclass(frozen=True)
class Band:
    """Geometry of the band, in words of two pixels unless stated otherwise.

    Attributes:
        inputs: height and width of the input, as the kernel walks over it.
        outputs: those of the output.
        high: window along the height.
        lines: output rows computed from one filling.
        rows: input rows it holds.
        pitch: words from one row to the next.
        left: words of padding before the first pixel.
        count: input elements merged of every row.
        runs: where an output's taps lie.
        step_wide: words from an output column's taps to the next one's.
        size: words in all, what the last runs may read beyond the end included.
    """

    inputs: tuple[int, int]
    outputs: tuple[int, int]
    high: Window
    lines: int
    rows: int
    pitch: int
    left: int
    count: int
    runs: Runs
    step_wide: int
    size: int

    @classmethod
    def of(cls, op: Conv2D | DepthwiseConv2D, io: OpIO, channels: int) -> Band:
        """The band of a convolution whose stored pixels have `channels` bytes."""
        high, wide = op.window(io)
        _, in_height, in_width, _ = io.input(0).type.shape
        _, height, width, _ = io.output.type.shape
        if (high.size, wide.size, high.stride, wide.stride) == (1, 1, 1, 1) and height % 2:
            columns = width // 2 if width % 2 == 0 else 1
            height = in_height = height * width // columns
            width = in_width = columns
        pixels = (width - 1) * wide.stride + wide.extent
        left = wide.before(in_width)
        if wide.dilation == 1:
            chunks, pairs = split(-(-wide.size * channels // 2))
            chunk = 2 * pairs
        else:
            chunks, chunk, pairs = wide.size, wide.dilation * channels, -(-channels // 2)
        pitch = pixels * channels
        lines = min(BAND_LINES if high.stride < high.extent else 1, -(-height // 2))
        rows = (lines - 1) * high.stride + high.extent
        overrun = chunk * (chunks - 1) + 2 * pairs - wide.extent * channels
        return cls(
            (in_height, in_width),
            (height, width),
            high,
            lines,
            rows,
            pitch,
            left * channels,
            min(in_width, pixels - left) * channels,
            Runs(high.size, high.dilation * pitch, chunks, chunk, pairs),
            wide.stride * channels,
            rows * pitch + max(overrun, 0),
        )

    @property
    def half(self) -> int:
        """Output rows of a half."""
        return -(-self.outputs[0] // 2)

    @property
    def fillings(self) -> int:
        """How often it is filled."""
        return -(-self.half // self.lines)

    def scratch_bytes(self) -> int:
        """The band and a row of padding."""
        return 4 * self.size + round_up(self.count, 4)

    def cycles(self, form: Format) -> int:
        """Cycles to fill it for a whole layer; the loops of the C driver as measured.

        Merging takes 25 cycles for four pairs of bytes, two more for the sign of u8.
        """
        flip = 2 * (form.layout is not Layout.DENSE)
        row = (25 + flip) * (self.count // 4) + (14 + flip) * (self.count % 4) + 45
        return self.fillings * (self.rows * row + 40) + 5 * self.size + 100

    def order(self, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`: a filling takes its rows from both halves of the image."""

        def promise() -> Accesses:
            first = self.high.before(self.inputs[0])
            below = self.half * self.high.stride - first
            offsets = (*range(-first, self.rows - first), *range(below, below + self.rows))
            reach = Reach(self.inputs[0], self.lines * self.high.stride, offsets)
            used = reach.last_use(np.arange(self.fillings), 0)
            in_row = self.inputs[1] * stored_channels(io, io.input_formats[0])
            reads = np.full((self.inputs[0], in_row), UNTOUCHED, np.int64)
            reads[:, : self.count] = used[:, np.newaxis]
            writes = np.arange(self.outputs[0]) % self.half // self.lines
            out_row = self.outputs[1] * pixel_pitch(io.output_format, io.output.type.shape[3])
            return by_byte({0: reads.ravel()}, np.repeat(writes, out_row))

        return AccessOrder(promise)

    def variables(self, io: KernelIO) -> dict[str, Any]:
        """Template variables of templates/lib/v7m_band.j2."""
        zero = io.input(0).type.zero_point
        count = io.output.type.shape[3]
        pixel = count if io.output_format.layout is Layout.DENSE else round_up(count, 4)
        signed = io.input_formats[0].layout is Layout.DENSE
        return {
            "in_height": self.inputs[0],
            "in_row": self.inputs[1] * stored_channels(io, io.input_formats[0]),
            "pad_top": self.high.before(self.inputs[0]),
            "stride": self.high.stride,
            "pad_byte": (zero if signed else zero + 128) & 0xFF,
            "pad_pair": zero * 0x10001 & 0xFFFFFFFF,
            "height": self.outputs[0],
            "half": self.half,
            "width": self.outputs[1],
            "lines": self.lines,
            "rows": self.rows,
            "pitch": self.pitch,
            "left": self.left,
            "count": self.count,
            "size": self.size,
            "step_high": self.high.stride * self.pitch,
            "step_wide": self.step_wide,
            "out_row": self.outputs[1] * pixel,
            "out_pixel": pixel,
        }


def stored_channels(io: OpIO, form: Format) -> int:
    """Bytes of a stored input pixel."""
    depth = io.input(0).type.shape[3]
    return depth if form.layout is Layout.DENSE else round_up(depth, 4)


def pair_piece(form: Format) -> Piece:
    """The C function that merges two rows."""
    signed = form.layout is Layout.DENSE
    return Piece("v7m_pair", "s8" if signed else "u8", {"signed": signed})

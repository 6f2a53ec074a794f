"""What the DSP pooling kernels share: windows over pixels, formats, order, template variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgegen.ir import OpIO
from edgegen.kernels.base import Formats, KernelIO
from edgegen.kernels.formats import DENSE, HWC, PLANES_HIGH, PLANES_WIDE, Layout, image, round_up
from edgegen.kernels.image_order import Reach, plane_order
from edgegen.kernels.order import UNTOUCHED, Accesses, AccessOrder, by_byte
from edgegen.ops.pool2d import Pool2D

LANE_VALUES = 256
"""Bytes whose sum fits a 16-bit lane."""

PLANES = (Layout.PLANES_WIDE, Layout.PLANES_HIGH)


@dataclass(frozen=True)
class Axis:
    """Windows along one axis, in pixels.

    Attributes:
        inputs: pixels of the input.
        size: pixels of a window that is not cut off.
        stride: from one window to the next.
        before: padding before the first pixel.
        outputs: number of windows.
    """

    inputs: int
    size: int
    stride: int
    before: int
    outputs: int

    @property
    def spans(self) -> list[tuple[int, int]]:
        """First pixel and the one past the last of every window, cut off at the borders."""
        starts = [i * self.stride - self.before for i in range(self.outputs)]
        return [(max(s, 0), min(s + self.size, self.inputs)) for s in starts]

    @property
    def lengths(self) -> tuple[int, ...]:
        """The lengths that windows may have, longest first, none left out."""
        found = [end - start for start, end in self.spans]
        return tuple(range(max(found), min(found) - 1, -1))


@dataclass(frozen=True)
class Windows:
    """The windows of a pooling operator over pixels whose channels lie together."""

    high: Axis
    wide: Axis

    @classmethod
    def of(cls, op: Pool2D, io: OpIO) -> Windows:
        """Those of a pooling operator."""
        _, height, width, _ = io.input(0).type.shape
        axes = [
            Axis(n, w.size, w.stride, w.before(n), w.outputs(n))
            for n, w in zip((height, width), op.window(), strict=True)
        ]
        windows = cls(*axes)
        return cls.whole(height, width) if windows.covers_all else windows

    @classmethod
    def whole(cls, height: int, width: int) -> Windows:
        """One window over all pixels; rows are joined as long as their sum fits a lane."""
        groups = [g for g in range(1, height + 1) if height % g == 0 and g * width <= LANE_VALUES]
        rows = max(groups, default=1)
        return cls(*(Axis(n, n, 1, 0, 1) for n in (height // rows, width * rows)))

    @property
    def covers_all(self) -> bool:
        """Whether there is one window with all pixels in it."""
        return all(axis.spans == [(0, axis.inputs)] for axis in (self.high, self.wide))

    @property
    def pixels(self) -> int:
        """Pixels of the largest window."""
        return self.high.lengths[0] * self.wide.lengths[0]

    @property
    def counts(self) -> tuple[int, ...]:
        """Pixels of a window for all pairs of lengths, row-major, longest first."""
        return tuple(h * w for h in self.high.lengths for w in self.wide.lengths)

    def tile_cycles(self, words: int, costs: TileCosts) -> int:
        """Cycles of all calls of the tile on a Cortex-M4.

        Args:
            words: words of a pixel's channels.
            costs: of the tile.
        """
        total = 0
        for top, bottom in self.high.spans:
            for left, right in self.wide.spans:
                rows, columns = bottom - top, right - left
                wide = 0 if costs.deep and rows * columns > LANE_VALUES else words // 4
                total += costs.call
                total += wide * (
                    costs.wide * rows * columns + costs.wide_row * rows + costs.wide_finish
                )
                total += (words - 4 * wide) * (
                    costs.one * rows * columns + costs.one_row * rows + costs.one_finish
                )
        return total


@dataclass(frozen=True)
class TileCosts:
    """Cycles of a pooling tile on a Cortex-M4.

    Attributes:
        call: of a call from the loop over windows.
        wide: of a pixel, 16 channels at a time.
        wide_row: of a row besides.
        wide_finish: of 16 outputs.
        one: of a pixel, four channels at a time.
        one_row: of a row besides.
        one_finish: of four outputs.
        deep: whether windows over `LANE_VALUES` pixels go without 16 channels at a time.
    """

    call: int
    wide: int
    wide_row: int
    wide_finish: int
    one: int
    one_row: int
    one_finish: int
    deep: bool


def reject_pool(io: OpIO) -> str:
    """Why no pooling tile takes an operator; empty when one does."""
    return "the input is a constant" if io.input(0).data is not None else ""


def reject_mean(io: OpIO, windows: Windows) -> str:
    """The same for means, whose rows are summed in 16-bit lanes."""
    if windows.wide.lengths[0] > LANE_VALUES:
        return f"windows are over {LANE_VALUES} pixels wide"
    return reject_pool(io)


def window_formats(io: OpIO, *, planes: bool) -> tuple[Formats, ...]:
    """Combinations of formats: words of channels, and planes where the kernel takes them."""
    whole = image(io.input(0).type)[2] % 4 == 0
    words = (HWC, DENSE) if whole else (HWC,)
    pairs = [(source, target) for source in words for target in words]
    if planes:
        pairs += [(s, t) for s in (PLANES_WIDE, PLANES_HIGH) for t in (HWC, DENSE)]
    rest = tuple(DENSE for _ in io.inputs[1:])
    return tuple(Formats((source, *rest), target) for source, target in pairs)


def channel_words(io: OpIO) -> int:
    """Words of a pixel's channels."""
    return round_up(image(io.input(0).type)[2], 4) // 4


def window_order(windows: Windows, io: KernelIO) -> AccessOrder:
    """Window by window; a word of channels is written after all its pixels have been read.

    Tiles that take several words at a time read earlier and write later, which only adds room.
    Planes make one byte each.
    """
    if io.input_formats[0].layout in PLANES:
        return plane_order(io, 1)

    def promise() -> Accesses:
        words = channel_words(io)
        count = windows.high.outputs * windows.wide.outputs
        reads = np.arange(count).reshape(windows.high.outputs, windows.wide.outputs)
        for axis, side in enumerate((windows.high, windows.wide)):
            reach = Reach.run(side.inputs, side.stride, side.size, side.before)
            reads = reach.last_use(reads, axis)
        last = np.where(reads == UNTOUCHED, UNTOUCHED, reads * words)[:, :, np.newaxis]
        used = np.where(last == UNTOUCHED, UNTOUCHED, last + np.arange(words))
        return by_byte({0: np.repeat(used, 4)}, np.repeat(np.arange(count * words), 4))

    return AccessOrder(promise)


def window_call(windows: Windows, io: KernelIO) -> dict[str, Any]:
    """Variables of the `call` macro of templates/lib/dsp_pool.j2."""
    words = channel_words(io)
    return {
        "high": windows.high,
        "wide": windows.wide,
        "pixel": 4 * words,
        "row": 4 * words * windows.wide.inputs,
        "words": words,
        "longest": (windows.high.lengths[0], windows.wide.lengths[0]),
        "widths": len(windows.wide.lengths),
    }

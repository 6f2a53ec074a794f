"""Which rows of an input an output row needs: what running layers row by row rests on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RowWindow:
    """The rows of an input that output row y needs: y * stride - before, and on.

    Attributes:
        taps: number of rows.
        dilation: distance between them.
        stride: by how much they move from one output row to the next.
        before: rows of padding above the image.
    """

    taps: int
    dilation: int = 1
    stride: int = 1
    before: int = 0

    def first(self, y: int) -> int:
        """The first row, outside the image if negative."""
        return y * self.stride - self.before

    def needed(self, y: int, height: int) -> range:
        """The rows inside an image of `height` rows, first to last, gaps of dilation included."""
        low = self.first(y)
        return range(max(low, 0), min(low + (self.taps - 1) * self.dilation + 1, height))


ONE_ROW = RowWindow(1)
"""Output row y needs input row y."""

"""Access order of kernels that slide a window over height and width, pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterator

from edgegen.ir import OpIO
from edgegen.kernels.order import AccessOrder, Span
from edgegen.ops.window import Window


def pixel_by_pixel(io: OpIO, height: Window, width: Window) -> AccessOrder:
    """Row-major over output pixels; a pixel's channels are written one by one as computed.

    Every channel may read the whole window, so a pixel's window is needed until its last channel
    is written.
    """
    _, in_h, in_w, in_c = io.input(0).type.shape
    _, out_h, out_w, out_c = io.output.type.shape

    def trace() -> Iterator[tuple[Span, ...]]:
        for y in range(out_h):
            top = max(y * height.stride - height.before(in_h), 0)
            bottom = min(y * height.stride - height.before(in_h) + height.extent, in_h)
            for x in range(out_w):
                left = max(x * width.stride - width.before(in_w), 0)
                right = min(x * width.stride - width.before(in_w) + width.extent, in_w)
                first = (top * in_w + left) * in_c
                last = ((bottom - 1) * in_w + right) * in_c
                base = (y * out_w + x) * out_c
                for c in range(out_c):
                    yield ((0, first, last), (-1, base + c, base + c + 1))

    return AccessOrder(trace=trace)

"""Input rows copied into scratch memory with their padding, a few output rows at a time."""

from __future__ import annotations

from dataclasses import dataclass

from edgegen.ir import OpIO
from edgegen.kernels.base import Formats, KernelIO
from edgegen.kernels.formats import DENSE, HWC, Layout, round_up
from edgegen.ops.conv2d import Conv2D

OUTPUT_ROWS = 4
"""Output rows of a filling: more would copy less twice, at the price of scratch memory."""


def quad_formats(io: OpIO) -> tuple[Formats, ...]:
    """Combinations of formats of the convolutions by quads."""
    rest = tuple(DENSE for _ in io.inputs[1:])
    pairs = ((source, target) for source in (HWC, DENSE) for target in (HWC, DENSE))
    return tuple(Formats((source, *rest), target) for source, target in pairs)


@dataclass(frozen=True)
class Rows:
    """Input rows as a convolution's windows see them.

    Attributes:
        pixel: bytes of a pixel.
        pitch: bytes from one row to the next, padding included.
        outputs: output rows computed from one filling.
        count: input rows of a filling; 0 where nothing is copied, since there is no padding.
        left: bytes of padding before a row's first pixel.
        length: bytes copied of each row.
        in_height: rows of the input.
        in_row: bytes of an input row.
        top: rows of padding above the input.
        stride: input rows from one output row to the next.
        step: bytes from an output pixel's first tap to its neighbour's.
        pad: the byte that padding holds.
    """

    pixel: int
    pitch: int
    outputs: int
    count: int
    left: int
    length: int
    in_height: int
    in_row: int
    top: int
    stride: int
    step: int
    pad: int

    @classmethod
    def of(cls, op: Conv2D, io: KernelIO, outputs: int = OUTPUT_ROWS, *, copied: bool) -> Rows:
        """The rows of a convolution.

        Args:
            op: the operator.
            io: its tensors and formats.
            outputs: output rows of a filling.
            copied: whether rows are copied although there is no padding.
        """
        _, in_height, in_width, depth = io.input(0).type.shape
        _, height, width, _ = io.output.type.shape
        vertical, horizontal = op.window(io)
        signed = io.input_formats[0].layout is Layout.DENSE
        pixel = depth if signed else round_up(depth, 4)
        top, left = vertical.before(in_height), horizontal.before(in_width)
        bottom = (height - 1) * vertical.stride + vertical.extent - top - in_height
        pixels = (width - 1) * horizontal.stride + horizontal.extent
        padded = copied or top > 0 or left > 0 or bottom > 0 or pixels > in_width
        outputs = min(outputs, height) if padded else height
        zero = io.input(0).type.zero_point
        return cls(
            pixel=pixel,
            pitch=(pixels if padded else in_width) * pixel,
            outputs=outputs,
            count=(outputs - 1) * vertical.stride + vertical.extent if padded else 0,
            left=left * pixel,
            length=min(in_width, pixels - left) * pixel,
            in_height=in_height,
            in_row=in_width * pixel,
            top=top,
            stride=vertical.stride,
            step=horizontal.stride * pixel,
            pad=zero & 255 if signed else zero + 128,
        )

    @property
    def size(self) -> int:
        """Bytes of a filling."""
        return self.count * self.pitch

    def fill_cycles(self, height: int, per_byte: int) -> int:
        """Cycles to fill the rows for `height` output rows."""
        fillings = -(-height // self.outputs)
        return self.size * per_byte + fillings * self.count * (60 + self.length * per_byte)

"""RESIZE_BILINEAR on int8 and float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from edgegen.errors import Problem
from edgegen.ir import OpIO
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.resize import Resize
from edgegen.quant.fixed_point import Int64

FRACTION_BITS = 10
"""Fractional bits of a coordinate on int8."""
ONE = 1 << FRACTION_BITS


Numbers = npt.NDArray[Any]


class Axis(NamedTuple):
    """How the output elements along an axis are mixed from two input elements each.

    Attributes:
        first: index of the one.
        second: index of the other.
        weight: share of the other; the one has the rest. On int8 in 1/1024, and it may be negative
            at the border, where both elements are the same.
    """

    first: Int64
    second: Int64
    weight: Numbers


@dataclass(frozen=True)
class ResizeBilinear(Resize):
    """Each output pixel is a weighted mean of up to four input pixels."""

    stem: ClassVar[str] = "resize_bilinear"
    sources: ClassVar[tuple[str, ...]] = ("RESIZE_BILINEAR",)

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = super().check(io)
        if problems or rules.is_float(io):
            return problems
        (_, height, width, _), (_, high, wide, _) = io.input(0).type.shape, io.output.type.shape
        sides = ((height, high), (width, wide))
        if all(self.axis(*side).first.max() < side[0] for side in sides):
            return []
        return [
            Problem(
                f"resizing {height}x{width} to {high}x{wide}",
                why="TFLite's int8 kernel rounds the ratio to 1/1024 and would read past the image",
            )
        ]

    def scale(self, inputs: int, outputs: int) -> int:
        """Input elements for one output element, with `FRACTION_BITS` bits after the point."""
        if self.align_corners and outputs > 1:
            inputs, outputs = inputs - 1, outputs - 1
        return (ONE * inputs + outputs // 2) // outputs

    def offset(self, scale: int) -> int:
        """The first output element's coordinate."""
        return scale // 2 - ONE // 2 if self.half_pixel_centers else 0

    def axis(self, inputs: int, outputs: int) -> Axis:
        """The mixing on int8; source: TFLite `resize_bilinear.h` ResizeBilinearInteger."""
        scale = self.scale(inputs, outputs)
        at = np.arange(outputs, dtype=np.int64) * scale + self.offset(scale)
        # Division towards zero, as in C.
        first = np.maximum(at // ONE, 0)
        last = np.sign(at + ONE - 1) * (np.abs(at + ONE - 1) // ONE)
        second = np.minimum(last, inputs - 1)
        return Axis(first, second, at - first * ONE)

    def real_axis(self, inputs: int, outputs: int) -> Axis:
        """The mixing on float32; source: TFLite `resize_bilinear.h` ResizeBilinear."""
        aligned = self.align_corners and outputs > 1
        scale = np.float32(inputs - aligned) / np.float32(outputs - aligned)
        at = np.arange(outputs, dtype=np.float32) * scale
        if self.half_pixel_centers:
            half = np.float32(0.5)
            at = (np.arange(outputs, dtype=np.float32) + half) * scale - half
        first = np.maximum(np.floor(at), 0).astype(np.int64)
        second = np.minimum(np.ceil(at), inputs - 1).astype(np.int64)
        return Axis(first, second, (at - first).astype(np.float64))

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`."""
        x = values[0]
        assert x is not None
        (_, height, width, _), (_, high, wide, _) = io.input(0).type.shape, io.output.type.shape
        if rules.is_float(io):
            rows, columns = self.real_axis(height, high), self.real_axis(width, wide)
            return (_mixed(x.astype(np.float64), rows, columns, 1.0).astype(np.float32),)
        total = _mixed(x.astype(np.int64), self.axis(height, high), self.axis(width, wide), ONE)
        half = np.where(total > 0, ONE * ONE // 2, -ONE * ONE // 2)
        rounded = np.sign(total + half) * (np.abs(total + half) >> 2 * FRACTION_BITS)
        return (rounded.astype(np.int8),)


def _mixed(x: Numbers, rows: Axis, columns: Axis, one: float) -> Numbers:
    """Weighted sums of four pixels, [1, out height, out width, channels]."""
    down = rows.weight[:, np.newaxis, np.newaxis]
    tall = x[:, rows.first] * (one - down) + x[:, rows.second] * down
    right = columns.weight[:, np.newaxis]
    mixed: Numbers = tall[:, :, columns.first] * (one - right) + tall[:, :, columns.second] * right
    return mixed

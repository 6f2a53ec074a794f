"""RESIZE_NEAREST_NEIGHBOR on int8 and float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.ir import OpIO
from edgegen.ir.types import Array
from edgegen.ops.resize import Resize


@dataclass(frozen=True)
class ResizeNearestNeighbor(Resize):
    """Each output pixel is the nearest input pixel."""

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "resize_nearest_neighbor"
    sources: ClassVar[tuple[str, ...]] = ("RESIZE_NEAREST_NEIGHBOR",)

    def pixels(self, io: OpIO) -> tuple[Array, Array]:
        """The input row of each output row, and the same for columns."""
        (_, height, width, _), (_, high, wide, _) = io.input(0).type.shape, io.output.type.shape
        return (
            nearest(height, high, self.align_corners, self.half_pixel_centers),
            nearest(width, wide, self.align_corners, self.half_pixel_centers),
        )

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`."""
        assert values[0] is not None
        rows, columns = self.pixels(io)
        return (np.ascontiguousarray(values[0][:, rows][:, :, columns]),)


def nearest(inputs: int, outputs: int, align: bool, half: bool) -> Array:
    """The input element of each output element along an axis, int64 [outputs].

    Source: TFLite 2.14 `reference/resize_nearest_neighbor.h` GetNearestNeighbor, in float32.

    >>> nearest(2, 4, False, False).tolist()
    [0, 0, 1, 1]
    """
    aligned = align and outputs > 1
    scale = np.float32(inputs - aligned) / np.float32(outputs - aligned)
    at = (np.arange(outputs, dtype=np.float32) + np.float32(0.5 if half else 0.0)) * scale
    # std::round and std::floor.
    near = np.floor(at.astype(np.float64) + 0.5) if align else np.floor(at)
    pixels: Array = np.clip(near, 0, inputs - 1).astype(np.int64)
    return pixels

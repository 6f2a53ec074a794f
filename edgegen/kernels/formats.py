"""How a buffer stores a tensor: layout, storage convention, padding.

TFLite's own form is `dense` with the tensor's dtype; graph inputs and outputs always have it.
Inside, kernels may agree on others:

* `hwc`: pixels row-major, channels of a pixel together, padded to a multiple of 4.
* `planes`: one plane for each channel (padded to a multiple of 4 planes), rows padded to whole
  words; in a word the pixels lie in the order 0, 2, 1, 3, so that UXTB16 yields (0, 1) and, rotated
  by 8 bits, (2, 3). `rows` says which axis of the image a plane's row runs along.

Both store u = q + 128 ("u8"): a ReLU's zero is then 0, and the pixel bytes widen without sign.
Bytes that are padding hold anything: readers multiply them by zero or ignore them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from edgegen.ir.types import Array, DType, TensorType

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

WORD_ORDER = (0, 2, 1, 3)
"""Pixel of each byte of a plane's word; the permutation is its own inverse."""

SLACK = 4
"""Bytes after the last pixel that kernels may overwrite (dummy channels, odd pixel pairs)."""


class Layout(Enum):
    """Order of a tensor's elements in memory."""

    DENSE = "dense"
    HWC = "hwc"
    PLANES_WIDE = "planes along width"
    PLANES_HIGH = "planes along height"

    __hash__ = object.__hash__  # formats are keys of many tables; Enum's own is Python code


def round_up(value: int, multiple: int) -> int:
    """The next multiple.

    >>> round_up(5, 4), round_up(8, 4)
    (8, 8)
    """
    return -(-value // multiple) * multiple


@dataclass(frozen=True)
class Format:
    """Layout and storage convention of a buffer; only `DENSE` stores the dtype's own values."""

    layout: Layout

    @property
    def text(self) -> str:
        """For dumps and `--explain`."""
        return "dense" if self.layout is Layout.DENSE else f"{self.layout.value} u8"

    @property
    def slack(self) -> int:
        """Bytes after the last pixel that kernels may overwrite."""
        return 0 if self.layout is Layout.DENSE else SLACK

    def rows(self, kind: TensorType) -> tuple[int, int]:
        """Rows of a plane and pixels of a row."""
        height, width = image(kind)[:2]
        return (width, height) if self.layout is Layout.PLANES_HIGH else (height, width)

    def pitch(self, kind: TensorType) -> int:
        """Bytes from one row of a plane to the next."""
        return round_up(self.rows(kind)[1], 4)

    def plane(self, kind: TensorType) -> int:
        """Bytes from one plane to the next."""
        return self.rows(kind)[0] * self.pitch(kind)

    def size(self, kind: TensorType) -> int:
        """Bytes of the buffer."""
        if self.layout is Layout.DENSE:
            return kind.bytes
        height, width, channels = image(kind)
        if self.layout is Layout.HWC:
            return height * width * round_up(channels, 4) + SLACK
        return round_up(channels, 4) * self.plane(kind) + SLACK

    def survives_reshape(self, before: TensorType, after: TensorType) -> bool:
        """Whether the same bytes hold a tensor of another shape: only without padding bytes."""
        if self.layout is Layout.HWC:
            return image(before)[2] % 4 == 0 and image(after)[2] % 4 == 0
        return self.layout is Layout.DENSE

    def decode(self, raw: bytes, kind: TensorType) -> Array:
        """The tensor that the bytes of a buffer hold."""
        if self.layout is Layout.DENSE:
            return np.frombuffer(raw[: kind.bytes], kind.dtype.numpy).reshape(kind.shape)
        stored = np.frombuffer(raw, np.uint8)
        height, width, channels = image(kind)
        if self.layout is Layout.HWC:
            pitch = round_up(channels, 4)
            pixels = stored[: height * width * pitch].reshape(height, width, pitch)
            u = pixels[:, :, :channels]
        else:
            u = self._decode_planes(stored, kind)
        return (u.astype(np.int16) - 128).astype(DType.INT8.numpy).reshape(kind.shape)

    def spread(self, values: Ints, kind: TensorType, rest: int | None = None) -> Ints:
        """A number for each byte of a buffer, from one for each element.

        Args:
            values: [height, width, channels], see `image`.
            kind: the tensor that the buffer holds.
            rest: the number of bytes that are padding; None: that of an element beside them.

        Returns:
            int64 [size]. Slack has the number -1.
        """
        if self.layout is Layout.DENSE:
            return np.repeat(values.ravel(), kind.bytes // kind.elements)
        full = _padded(values, 2, rest)
        if self.layout is not Layout.HWC:
            rows = full.transpose((2, 1, 0) if self.layout is Layout.PLANES_HIGH else (2, 0, 1))
            words = _padded(rows, 2, rest)
            order = list(WORD_ORDER)
            full = words.reshape(*words.shape[:2], -1, 4)[..., order]
        return np.append(full.ravel(), [-1] * SLACK)

    def _decode_planes(self, stored: Bytes, kind: TensorType) -> Bytes:
        """To [height, width, channels]."""
        channels = image(kind)[2]
        (rows, length), pitch = self.rows(kind), self.pitch(kind)
        planes = stored[: channels * rows * pitch].reshape(channels, rows, pitch // 4, 4)
        # The permutation is an involution: indexing by it restores the pixel order.
        lines = planes[..., list(WORD_ORDER)].reshape(channels, rows, pitch)[:, :, :length]
        if self.layout is Layout.PLANES_HIGH:
            return lines.transpose(2, 1, 0)
        return lines.transpose(1, 2, 0)


def _padded(values: Ints, axis: int, rest: int | None) -> Ints:
    """Whole words along an axis."""
    amounts = [(0, 0)] * values.ndim
    amounts[axis] = (0, -values.shape[axis] % 4)
    if rest is None:
        return np.pad(values, amounts, mode="edge")
    return np.pad(values, amounts, constant_values=rest)


DENSE = Format(Layout.DENSE)
HWC = Format(Layout.HWC)
PLANES_WIDE = Format(Layout.PLANES_WIDE)
PLANES_HIGH = Format(Layout.PLANES_HIGH)


def image(kind: TensorType) -> tuple[int, int, int]:
    """A tensor as height, width and channels: leading dimensions fold into the height.

    >>> image(TensorType(DType.INT8, (1, 25, 5, 64)))
    (25, 5, 64)
    >>> image(TensorType(DType.INT8, (1, 640)))
    (1, 1, 640)
    """
    shape = kind.shape
    if len(shape) == 4:
        return shape[0] * shape[1], shape[2], shape[3]
    channels = shape[-1] if shape else 1
    return kind.elements // channels if channels else 0, 1, channels

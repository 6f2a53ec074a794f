"""Windows over one to three spatial axes of a channels-first tensor, as ONNX has them.

Source: the ONNX operators Conv and MaxPool (pads, strides, dilations, auto_pad, ceil_mode).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgegen.errors import Problem
from edgegen.ir.raw import RawNode
from edgegen.ir.types import Array

MAX_AXES = 3
MAX_PADDED = 1 << 24
"""Largest image of one channel, padding included: far more than any microcontroller has."""


@dataclass(frozen=True)
class Spatial:
    """Window sizes, strides, dilations and paddings, one each for every spatial axis."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]

    @classmethod
    def parse(cls, node: RawNode) -> Spatial:
        """From the attributes `size`, `stride`, `dilation`, `before` and `after`."""
        names = ("size", "stride", "dilation", "before", "after")
        return cls(*(node.integers(name) for name in names))

    @property
    def extent(self) -> tuple[int, ...]:
        """Inputs from the first to the last tap."""
        return tuple((s - 1) * d + 1 for s, d in zip(self.size, self.dilation, strict=True))

    def problems(self, inputs: Sequence[int], outputs: Sequence[int]) -> list[Problem]:
        """Whether the windows of `outputs` fit the padded `inputs`, the last perhaps partly."""
        lists = (self.size, self.stride, self.dilation, self.before, self.after, outputs)
        if not 1 <= len(inputs) <= MAX_AXES or any(len(v) != len(inputs) for v in lists):
            return [Problem(f"{len(inputs)} spatial dimensions instead of 1 to {MAX_AXES}")]
        positive = (*self.size, *self.stride, *self.dilation, *outputs)
        if min(positive) < 1 or max(positive) > 1 << 15 or max(map(abs, self.before)) > 1 << 15:
            return [Problem("window sizes, strides and dilations must be from 1 to 32768")]
        spans = zip(outputs, self.stride, self.extent, strict=True)
        if math.prod((n - 1) * s + e for n, s, e in spans) > MAX_PADDED:
            return [Problem(f"the windows reach over more than {MAX_PADDED} elements")]
        for i, (count, given) in enumerate(zip(outputs, inputs, strict=True)):
            last = (count - 1) * self.stride[i] - self.before[i]
            if last >= given + max(self.after[i], 0):
                return [Problem(f"window {count - 1} of spatial axis {i} lies beyond the input")]
        return []

    def views(self, x: Array, outputs: Sequence[int], fill: float) -> Array:
        """All windows: [batch, channels, outputs..., taps...].

        Args:
            x: the input, batch and channels first.
            outputs: number of windows along each axis.
            fill: the value of what lies outside the input.
        """
        rank = len(outputs)
        after = [
            max((count - 1) * stride + extent - before - given, 0)
            for count, stride, extent, before, given in zip(
                outputs, self.stride, self.extent, self.before, x.shape[2:], strict=True
            )
        ]
        borders = [
            (0, 0),
            (0, 0),
            *((max(b, 0), a) for b, a in zip(self.before, after, strict=True)),
        ]
        padded = np.pad(x, borders, constant_values=fill)
        for axis, before in enumerate(self.before):
            padded = padded.take(range(max(-before, 0), padded.shape[2 + axis]), axis=2 + axis)
        axes = tuple(range(2, 2 + rank))
        view = np.lib.stride_tricks.sliding_window_view(padded, self.extent, axis=axes)
        pick = (
            slice(None),
            slice(None),
            *(slice(0, (n - 1) * s + 1, s) for n, s in zip(outputs, self.stride, strict=True)),
            *(slice(None, None, d) for d in self.dilation),
        )
        return np.asarray(view[pick])

    @property
    def summary(self) -> str:
        """In a few words."""
        parts = [f"window {_by(self.size)}", f"stride {_by(self.stride)}"]
        if set(self.dilation) != {1}:
            parts.append(f"dilation {_by(self.dilation)}")
        return ", ".join(parts)


def _by(values: Sequence[int]) -> str:
    return "x".join(map(str, values))

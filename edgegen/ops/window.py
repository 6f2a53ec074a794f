"""Sliding windows over height and width: output sizes and paddings of convolutions and pools.

Source: TFLite 2.14 `kernels/padding.h` (ComputePaddingHeightWidth).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from edgegen.errors import Problem, UnsupportedError
from edgegen.ir.row_window import RowWindow
from edgegen.ir.types import Array

MAX_EXTENT = 4096
"""Widest filter, dilation included: far more than any model for a microcontroller has."""


@dataclass(frozen=True)
class Window:
    """One axis of a sliding window, in elements.

    Attributes:
        size: taps of the filter.
        stride: distance between outputs.
        dilation: distance between taps.
        padding: SAME, VALID or EXPLICIT.
        pads: with EXPLICIT, padding elements before the first input and after the last.
    """

    size: int
    stride: int
    dilation: int
    padding: str
    pads: tuple[int, ...] = ()

    @property
    def extent(self) -> int:
        """Input elements from the first to the last tap."""
        return (self.size - 1) * self.dilation + 1

    def outputs(self, inputs: int) -> int:
        """Number of outputs over `inputs` elements; zero or less when the filter does not fit."""
        if self.padding == "SAME":
            return -(-inputs // self.stride)
        return -(-(inputs + sum(self.pads) - self.extent + 1) // self.stride)

    def before(self, inputs: int) -> int:
        """Padding elements before the first input; an odd one goes after the last."""
        if self.padding == "EXPLICIT":
            return self.pads[0]
        total = (self.outputs(inputs) - 1) * self.stride + self.extent - inputs
        return max(total, 0) // 2

    def rows(self, inputs: int) -> RowWindow:
        """This window along the height of an image of `inputs` rows."""
        return RowWindow(self.size, self.dilation, self.stride, self.before(inputs))

    def after(self, inputs: int) -> int:
        """Padding elements that the last outputs read beyond the input."""
        last = (self.outputs(inputs) - 1) * self.stride + self.extent
        return max(last - self.before(inputs) - inputs, 0)


def tflite_padding(padding: str) -> str:
    """The scheme as a .tflite file names it.

    Raises:
        UnsupportedError: TFLite has no explicit padding.
    """
    if padding == "EXPLICIT":
        raise UnsupportedError("explicit padding cannot be written to a .tflite file")
    return padding


def padding_name(padding: str, pads: tuple[int, ...]) -> str:
    """A padding in the name of a C function."""
    return "_".join([padding.lower(), *map(str, pads)])


def window_problems(height: Window, width: Window, shape: tuple[int, ...]) -> list[Problem]:
    """Checks the numbers of a 2-D window over an NHWC input of `shape`."""
    problems = []
    for axis, window, inputs in (("height", height, shape[1]), ("width", width, shape[2])):
        if min(window.size, window.stride, window.dilation) < 1:
            problems.append(Problem(f"size, stride and dilation along the {axis} must be positive"))
        elif max(window.size, window.stride, window.dilation) > 1 << 15:
            problems.append(Problem(f"size, stride or dilation along the {axis} is over 32768"))
        elif window.extent > MAX_EXTENT:
            problems.append(
                Problem(f"the filter spans {window.extent} along the {axis}, over {MAX_EXTENT}")
            )
        elif any(not 0 <= pad < window.extent for pad in window.pads):
            problems.append(
                Problem(f"padding {list(window.pads)} along the {axis} is not less than the filter")
            )
        elif window.outputs(inputs) < 1:
            problems.append(
                Problem(f"the filter spans {window.extent} along the {axis}, the input {inputs}")
            )
    return problems


def window_summary(height: Window, width: Window, activation: str) -> str:
    """Filter, stride, dilation, padding and activation in a few words."""
    text = f"filter {height.size}x{width.size}, stride {height.stride}x{width.stride}"
    if (height.dilation, width.dilation) != (1, 1):
        text += f", dilation {height.dilation}x{width.dilation}"
    padding = height.padding
    if padding == "EXPLICIT":
        padding = f"padding {height.pads[0]}+{height.pads[1]} x {width.pads[0]}+{width.pads[1]}"
    return f"{text}, {padding}" + ("" if activation == "NONE" else f", {activation}")


def windows(x: Array, height: Window, width: Window, fill: float) -> npt.NDArray[np.float64]:
    """All windows of an NHWC tensor of batch 1, padded with `fill`, as float64, which is exact.

    Returns:
        A view of shape [out height, out width, channels, taps high, taps wide].
    """
    _, h, w, _ = x.shape
    padded = np.pad(
        x[0].astype(np.float64),
        (
            (height.before(h), height.after(h)),
            (width.before(w), width.after(w)),
            (0, 0),
        ),
        constant_values=fill,
    )
    view = np.lib.stride_tricks.sliding_window_view(
        padded, (height.extent, width.extent), axis=cast("tuple[int, ...]", (0, 1))
    )
    view = view[:: height.stride, :: width.stride, :, :: height.dilation, :: width.dilation]
    return view[: height.outputs(h), : width.outputs(w)]

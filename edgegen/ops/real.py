"""What the float32 rules of operators share.

References accumulate in float64 and round once: the result is the nearest float32 to the true value
nearly everywhere, whatever order a kernel or a matrix library sums in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgegen.ir.types import Array

_RANGES = {
    "NONE": (-math.inf, math.inf),
    "RELU": (0.0, math.inf),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
    "RELU_0_TO_1": (0.0, 1.0),
}


def activation_limits(activation: str) -> tuple[float, float]:
    """Lowest and highest float32 output of a fused activation.

    >>> activation_limits("RELU6")
    (0.0, 6.0)
    """
    return _RANGES[activation]


def activate(x: Array, activation: str) -> npt.NDArray[np.float32]:
    """Clamps to a fused activation's range and rounds to float32; NaN stays NaN."""
    return np.clip(x, *activation_limits(activation)).astype(np.float32)


def bias_of(values: Sequence[Array | None]) -> npt.NDArray[np.float64]:
    """A layer's bias, input 2, as float64 [channels]; a single zero where there is none."""
    bias = values[2] if len(values) > 2 else None
    return np.zeros(1) if bias is None else bias.astype(np.float64).ravel()


def float_operands(values: Sequence[Array | None]) -> list[npt.NDArray[np.float64]]:
    """The inputs that are there, as float64."""
    return [v.astype(np.float64) for v in values if v is not None]

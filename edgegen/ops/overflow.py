"""Accumulators that could leave int32, where TFLite's kernels and C have no defined result."""

from __future__ import annotations

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import OpIO
from edgegen.quant.fixed_point import INT32_MAX, Int64

# Largest |x - zero point| of an int8 input, with room for kernels that sum in another order.
_INPUT_STEPS = 256
# Added after requantisation: the output's zero point and rounding.
_OUTPUT_STEPS = 256


def overflow_problems(io: OpIO, *, axis: int, shift: Int64) -> list[Problem]:
    """Checks that no input makes an accumulator, or what requantisation makes of it, overflow.

    Models from converters stay far below: it takes a bias near the limits of int32.

    Args:
        io: an operator with int8 weights as input 1 and perhaps an int32 bias as input 2.
        axis: the weights' dimension of output channels.
        shift: the requantisation's exponents, one for each channel.
    """
    weights = io.input(1)
    others = tuple(d for d in range(len(weights.type.shape)) if d != axis)
    # In float64: any shift of any sum has a value, and near the limit it is exact.
    bound = np.abs(weights.values.astype(np.float64)).sum(axis=others) * _INPUT_STEPS
    bias = io.optional(2)
    if bias is not None:
        bound = bound + np.abs(bias.values.astype(np.float64)).ravel()
    bound = bound * 2.0 ** np.maximum(shift, 0) + _OUTPUT_STEPS
    channels = np.flatnonzero(bound > INT32_MAX)
    if not channels.size:
        return []
    return [
        Problem(
            f"the accumulator of output channel {channels[0]} could overflow"
            + (f" (and {channels.size - 1} more)" if channels.size > 1 else ""),
            why=f"weights, bias and scales allow values up to {bound[channels[0]]:.3g}, "
            "more than int32 holds",
        )
    ]

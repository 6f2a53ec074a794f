"""Accumulators that could leave their type, where TFLite's kernels and C have no defined result."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgegen.errors import Problem
from edgegen.ir import OpIO
from edgegen.ops import rules
from edgegen.ops.requantise import has_wide_sums
from edgegen.quant.fixed_point import INT32_MAX, Int64
from edgegen.quant.wide import ACCUMULATOR_LIMIT, MAX_SHIFT

# Largest |x - zero point| of an int8 or int16 input, with room for kernels that sum in another
# order.
_INPUT_STEPS, _WIDE_INPUT_STEPS = 256, 1 << 15
# Added after requantisation: the output's zero point and rounding.
_OUTPUT_STEPS = 256


def overflow_problems(io: OpIO, *, axis: int, shift: Int64) -> list[Problem]:
    """Checks that no input makes an accumulator, or what requantisation makes of it, overflow.

    Models from converters stay far below: it takes a bias near the limits of int32.

    Args:
        io: an operator with int8 weights as input 1 and perhaps a bias as input 2.
        axis: the weights' dimension of output channels.
        shift: the requantisation's exponents, one for each channel.
    """
    bound = accumulator_bound(io, axis=axis)
    if has_wide_sums(io):
        return _wide_problems(bound, shift)
    return _problems(bound * 2.0 ** np.maximum(shift, 0) + _OUTPUT_STEPS, INT32_MAX, "int32")


def accumulator_bound(io: OpIO, *, axis: int) -> npt.NDArray[np.float64]:
    """The largest magnitude of each output channel's accumulator, bias included, [channels].

    In float64: any shift of any sum has a value, and near the limits of int32 it is exact.
    """
    weights = io.input(1)
    others = tuple(d for d in range(len(weights.type.shape)) if d != axis)
    steps = _WIDE_INPUT_STEPS if rules.is_int16(io) else _INPUT_STEPS
    bound = np.abs(weights.values.astype(np.float64)).sum(axis=others) * steps
    bias = io.optional(2)
    if bias is not None:
        bound = bound + np.abs(bias.values.astype(np.float64)).ravel()
    return np.asarray(bound)


def _wide_problems(bound: npt.NDArray[np.float64], shift: Int64) -> list[Problem]:
    """What int64 accumulators must respect: their own limit, and that of the int32 result."""
    if shift.max(initial=0) > MAX_SHIFT:
        return [
            Problem(
                f"the scales make a factor of 2^{int(shift.max()) - 1} or more",
                why=f"TFLite's kernel on int16 shifts left by at most {MAX_SHIFT} bits",
            )
        ]
    problems = _problems(bound, ACCUMULATOR_LIMIT - 1, "47 bits")
    return problems or _problems(bound * 2.0**shift + 1, INT32_MAX, "int32")


def _problems(bound: npt.NDArray[np.float64], limit: int, holder: str) -> list[Problem]:
    channels = np.flatnonzero(bound > limit)
    if not channels.size:
        return []
    return [
        Problem(
            f"the accumulator of output channel {channels[0]} could overflow"
            + (f" (and {channels.size - 1} more)" if channels.size > 1 else ""),
            why=f"weights, bias and scales allow values up to {bound[channels[0]]:.3g}, "
            f"more than {holder} holds",
        )
    ]

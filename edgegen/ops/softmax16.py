"""SOFTMAX on int16. Source: TFLite 2.14 `reference/softmax.h` SoftmaxInt16, `softmax.cc`."""

from __future__ import annotations

import functools

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import OpIO
from edgegen.ir.types import Array
from edgegen.ops.elementwise import rescale_problems
from edgegen.quant.fixed_point import Multiplier, multiply_by, quantize_multiplier
from edgegen.quant.int16_tables import Float32, Int16, interpolated_table, look_up
from edgegen.quant.lookup import exp

LOWEST = 10.0
"""exp is tabled from minus this on; what lies below counts as this."""
INT16_SCALE = 1.0 / 32768.0
MAX_DEPTH = 1 << 16
"""Longest last dimension whose sum of exponentials fits int32."""


@functools.cache
def exp_table() -> Int16:
    """Exp from -10 to 0, Q15."""
    return interpolated_table(-LOWEST, 0.0, exp)


@functools.cache
def reciprocal_table() -> Int16:
    """1 / (1 + x) from 0 to 1, Q15."""

    def reciprocal(x: Float32) -> Float32:
        return np.float32(1) / (np.float32(1) + x)

    return interpolated_table(0.0, 1.0, reciprocal)


def softmax16_multiplier(io: OpIO, beta: float) -> Multiplier:
    """From a difference of inputs to 65535ths of `LOWEST`."""
    return quantize_multiplier(_factor(io, beta))


def _factor(io: OpIO, beta: float) -> float:
    return io.input(0).type.scale * beta / (LOWEST / 65535.0)


def softmax16_problems(io: OpIO, beta: float) -> list[Problem]:
    """What the fixed-point arithmetic demands."""
    problems = []
    scale, depth = io.output.type.scale, io.input(0).type.shape[-1]
    if abs(scale - INT16_SCALE) > 0.001 * INT16_SCALE:
        problems.append(
            Problem(
                f"output {io.output.name!r} has scale {scale:.7g}",
                why="softmax on int16 gives scale 2^-15",
            )
        )
    if depth > MAX_DEPTH:
        problems.append(
            Problem(
                f"{depth} values in the last dimension are more than {MAX_DEPTH}",
                why="the sum of their exponentials could overflow",
            )
        )
    if not beta > 0.0:
        problems.append(Problem(f"beta is {beta:g}"))
    return problems or rescale_problems(_factor(io, beta), (1 << 16) - 1)


def softmax16(io: OpIO, beta: float, x: Array) -> Array:
    """The reference, int16."""
    rows = x.astype(np.int64)
    below = rows - rows.max(axis=-1, keepdims=True)
    scaled = multiply_by(below, softmax16_multiplier(io, beta)) + 32767
    exps = look_up(exp_table(), np.clip(scaled, -32768, 32767))
    total = exps.sum(axis=-1, keepdims=True)
    bits = np.floor(np.log2(total)).astype(np.int64) + 1
    # Leading zeros of a 32-bit word, less one: room above the sum.
    room = 31 - bits
    shifted = ((total << room) + (1 << 13)) >> 14
    inverse = look_up(reciprocal_table(), np.clip(shifted - ((1 << 15) + (1 << 16)), -32768, 32767))
    right = 31 - (room + 1)
    result = (exps * inverse + (np.int64(1) << (right - 1))) >> right
    return np.asarray(np.clip(result, 0, 32767), np.int16)

"""Rules shared by operators that work value by value, with or without broadcasting."""

from __future__ import annotations

import math

from edgegen.errors import Problem
from edgegen.ir import OpIO
from edgegen.ops import rules
from edgegen.quant.fixed_point import INT32_MAX, activation_problems, quantize_multiplier

# Room for the output's zero point, added after requantisation.
_OUTPUT_STEPS = 256


def broadcast_shape(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...] | None:
    """What two shapes broadcast to, aligned at their last dimensions; None if they do not fit.

    >>> broadcast_shape((1, 4, 4, 8), (8,)), broadcast_shape((2, 1), (3,))
    ((1, 4, 4, 8), (2, 3))
    >>> broadcast_shape((2,), (3,)) is None
    True
    """
    rank = max(len(a), len(b))
    a, b = (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b
    if any(m != n and 1 not in (m, n) for m, n in zip(a, b, strict=True)):
        return None
    return tuple(n if m == 1 else m for m, n in zip(a, b, strict=True))


def binary_problems(
    io: OpIO, activation: str, max_rank: int, *, int16: bool = False
) -> list[Problem]:
    """The shape and type rule of an operator with two inputs that may broadcast.

    Args:
        io: the operator's tensors.
        activation: its fused activation.
        max_rank: dimensions that TFLite's int8 kernel broadcasts; equal shapes may have more.
        int16: whether it knows int16 activations.
    """
    problems = rules.count_problems(io, (2, 2)) or (
        rules.value_problems(io, io.input(0), role="first input", int16=int16)
        + rules.value_problems(io, io.input(1), role="second input", int16=int16)
        + rules.value_problems(io, io.output, role="output", int16=int16)
        + activation_problems(activation)
    )
    if problems:
        return problems
    a, b = io.input(0).type.shape, io.input(1).type.shape
    shape = broadcast_shape(a, b)
    if shape is None:
        return [Problem(f"shapes {list(a)} and {list(b)} do not broadcast")]
    # Leading ones do not count as broadcasting. float32 kernels are ours and take any rank.
    if (
        not rules.is_float(io)
        and len(shape) > max_rank
        and io.input(0).type.elements != io.input(1).type.elements
    ):
        return [
            Problem(
                f"broadcasts {list(a)} with {list(b)}",
                why=f"TFLite's int8 kernel broadcasts at most {max_rank} dimensions",
                hint="remove dimensions of 1 before converting",
            )
        ]
    return rules.shape_problems(io.output, shape)


def unary_problems(io: OpIO, *, int16: bool = False) -> list[Problem]:
    """The shape and type rule of an operator with one input of the output's shape."""
    return rules.count_problems(io, (1, 1)) or (
        rules.value_problems(io, io.input(0), role="input", int16=int16)
        + rules.value_problems(io, io.output, role="output", int16=int16)
        + rules.shape_problems(io.output, io.input(0).type.shape)
    )


def rescale_problems(factor: float, largest: int) -> list[Problem]:
    """Checks that requantising |x| <= `largest` by `factor` stays within int32.

    TFLite's kernels shift left in int32 without looking; only nonsensical scales get there.
    """
    if math.isfinite(factor):
        shift = max(quantize_multiplier(factor).shift, 0)
        if (largest << shift) + _OUTPUT_STEPS <= INT32_MAX:
            return []
    return [
        Problem(
            f"the scales of inputs and output make a factor of {factor:.4g}",
            why="values could overflow int32",
        )
    ]

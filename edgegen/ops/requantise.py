"""Weights and requantisation shared by convolutions and fully connected layers."""

from __future__ import annotations

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import DType, OpIO, Tensor
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.quant.fixed_point import (
    Int64,
    Multiplier,
    multiply,
    quantize_multiplier,
    single_rounding_multiplier,
)
from edgegen.quant.wide import multiply_wide


def weight_problems(io: OpIO, *, axis: int) -> list[Problem]:
    """Checks weights (input 1) and bias (input 2) against the channel dimension `axis`."""
    weights, real = io.input(1), rules.is_float(io)
    kinds = (DType.FLOAT32, DType.FLOAT32) if real else (DType.INT8, bias_type(io))
    problems = rules.constant_problems(weights, role="weights", dtype=kinds[0])
    channels = weights.type.shape[axis]
    if not real:
        problems += _symmetry_problems(weights, axis)
    bias = io.optional(2)
    if bias is not None:
        problems += rules.constant_problems(bias, role="bias", dtype=kinds[1])
        if bias.type.elements != channels:
            problems.append(
                Problem(
                    f"bias {bias.name!r} has {bias.type.elements} values for {channels} channels"
                )
            )
    return problems


def _symmetry_problems(weights: Tensor, axis: int) -> list[Problem]:
    """Checks the quantisation of int8 weights."""
    problems = []
    quant = weights.type.quant
    channels = weights.type.shape[axis]
    if quant is None:
        problems.append(Problem(f"weights {weights.name!r} have no quantisation"))
    else:
        if quant.per_channel and (quant.axis != axis or len(quant.scales) != channels):
            problems.append(
                Problem(
                    f"weights {weights.name!r} have {len(quant.scales)} scales along dimension "
                    f"{quant.axis} instead of {channels} along dimension {axis}"
                )
            )
        if any(quant.zero_points):
            problems.append(
                Problem(
                    f"weights {weights.name!r} have a zero point other than 0",
                    why="TFLite's int8 kernels assume symmetric weights",
                )
            )
    return problems


def bias_type(io: OpIO) -> DType:
    """The type of a quantised layer's bias, and of its accumulator.

    Beside int16 inputs that is int64, or int32 where the bias has it. A fully connected layer
    without a bias accumulates in int32.

    Source: TFLite 2.14 `conv.cc`, `depthwise_conv.cc` and `fully_connected.cc`.
    """
    bias = io.optional(2)
    if not rules.is_int16(io):
        return DType.INT32
    if bias is None:
        return DType.INT32 if len(io.input(1).type.shape) == 2 else DType.INT64
    return DType.INT32 if bias.type.dtype is DType.INT32 else DType.INT64


def has_wide_sums(io: OpIO) -> bool:
    """Whether a layer accumulates in int64."""
    return bias_type(io) is DType.INT64


def requantised(io: OpIO, sums: Int64, mantissa: Int64, shift: Int64) -> Array:
    """A quantised layer's output before its activation, from its sums with the bias."""
    multiplied = multiply_wide if has_wide_sums(io) else multiply
    return multiplied(sums, mantissa, shift) + io.output.type.zero_point


def multiplier_to(output: Tensor, real: float) -> Multiplier:
    """A factor to steps of `output`, for the rounding that its type asks for."""
    if output.type.rounds_once:
        return single_rounding_multiplier(real)
    return quantize_multiplier(real)


def channel_multipliers(io: OpIO, channels: int) -> tuple[Int64, Int64]:
    """Mantissas and shifts of each output channel of a convolution, both [channels].

    Source: TFLite `kernel_util.cc` PopulateConvolutionQuantizationParams: the factor is formed in
    double precision from the float32 scales, for per-tensor weights too.
    """
    quant = io.input(1).type.quant
    assert quant is not None
    scales = quant.scales if quant.per_channel else quant.scales * channels
    source, target = io.input(0).type.scale, io.output.type.scale
    parts = [multiplier_to(io.output, source * scale / target) for scale in scales]
    return (
        np.array([p.mantissa for p in parts], np.int64),
        np.array([p.shift for p in parts], np.int64),
    )

"""How plain C layers with weights add up and requantise, for int8 and for int16 activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgegen.ir import OpIO
from edgegen.kernels.base import Constant, ConstantKind
from edgegen.kernels.requantise import bias_constant
from edgegen.ops.overflow import accumulator_bound
from edgegen.ops.requantise import has_wide_sums
from edgegen.ops.rules import is_int16
from edgegen.quant.fixed_point import INT32_MAX, Int64
from edgegen.quant.wide import reduced_mantissa


@dataclass(frozen=True)
class Sums:
    """The C types and functions of a layer.

    Attributes:
        ctype: of activations.
        sum: of accumulators and biases.
        mantissa: of multipliers.
        requantise: the helper's name.
        clamp: the helper's name.
        item: what a number of values is multiplied by to give bytes, as C.
        variant: tells routines apart; empty for int8.
    """

    ctype: str
    sum: str
    mantissa: str
    requantise: str
    clamp: str
    item: str
    variant: str

    @property
    def routine(self) -> dict[str, Any]:
        """Variables of the template's `routine`, and of `call` too."""
        return {"sums": self, "ctype": self.ctype}

    @property
    def helpers(self) -> tuple[str, ...]:
        """Snippets of templates/lib that it calls."""
        return self.requantise, self.clamp


_ITEM = " * (int32_t)sizeof(int16_t)"
_INT8 = Sums("int8_t", "int32_t", "int32_t", "requantise", "clamp_s8", "", "")
_NARROW = Sums("int16_t", "int32_t", "int32_t", "requantise", "clamp_s16", _ITEM, "s16_narrow")
_SHORT = Sums("int16_t", "int32_t", "int16_t", "requantise_wide", "clamp_s16", _ITEM, "s16")
_LONG = Sums("int16_t", "int64_t", "int16_t", "requantise_wide", "clamp_s16", _ITEM, "s16_long")


_HIGH = Sums("int16_t", "int32_t", "int32_t", "requantise_high", "clamp_s16", _ITEM, "s16_high")
_HIGH_SHIFTS = (-17, -1)
"""Exponents whose shift to the right by 16 to 32 bits is a factor of 31 bits."""


def sums_of(io: OpIO, axis: int, shift: Int64 | None = None) -> Sums:
    """What a layer needs.

    Sums that TFLite keeps in int64 stay in int32 where no input can make them leave it.

    Args:
        io: the operator's tensors.
        axis: the weights' dimension of output channels.
        shift: exponents of the multipliers, where requantisation may depend on them.
    """
    if not is_int16(io):
        return _INT8
    if not has_wide_sums(io):
        return _NARROW
    if accumulator_bound(io, axis=axis).max(initial=0) > INT32_MAX:
        return _LONG
    low, high = _HIGH_SHIFTS
    quick = shift is not None and bool(((shift >= low) & (shift <= high)).all())
    return _HIGH if quick else _SHORT


def sums_bias(io: OpIO, channels: int, sums: Sums) -> Constant:
    """The bias in the accumulator's type, [channels]."""
    bias = io.optional(2)
    if sums.sum == "int32_t":
        return bias_constant(io, channels)
    data = np.zeros(channels, np.int64) if bias is None else bias.values.astype(np.int64).ravel()
    return Constant("bias", data)


def sums_multipliers(mantissa: Int64, shift: Int64, sums: Sums) -> tuple[Constant, Constant]:
    """Mantissas and shifts [channels]; for wide sums the shift is that to the right."""
    if sums.requantise == "requantise_wide":
        mantissa, shift = reduced_mantissa(mantissa), 15 - shift
    elif sums.requantise == "requantise_high":
        # The shift to the right by 15 - shift as one by 32.
        mantissa, shift = reduced_mantissa(mantissa) << (17 + shift), 0 * shift
    kind = np.int16 if sums.mantissa == "int16_t" else np.int32
    return (
        Constant("mantissa", mantissa.astype(kind), ConstantKind.REQUANTISE),
        Constant("shift", shift.astype(np.int8), ConstantKind.REQUANTISE),
    )

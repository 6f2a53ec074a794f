"""Requantisation constants shared by the scalar kernels."""

from __future__ import annotations

import numpy as np

from edgegen.ir import OpIO
from edgegen.kernels.base import Constant, ConstantKind
from edgegen.ops.requantise import channel_multipliers


def bias_constant(io: OpIO, channels: int) -> Constant:
    """The bias as int32 [channels]; zeros where the operator has none."""
    bias = io.optional(2)
    data = np.zeros(channels, np.int32) if bias is None else bias.values.astype(np.int32).ravel()
    return Constant("bias", data)


def channel_constants(io: OpIO, channels: int) -> tuple[Constant, Constant]:
    """Mantissas (int32) and shifts (int8) of each output channel."""
    mantissa, shift = channel_multipliers(io, channels)
    return (
        Constant("mantissa", mantissa.astype(np.int32), ConstantKind.REQUANTISE),
        Constant("shift", shift.astype(np.int8), ConstantKind.REQUANTISE),
    )

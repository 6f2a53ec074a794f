"""Inputs as C pointers: activations lie in the arena, constants in flash."""

from __future__ import annotations

import numpy as np

from edgegen.ir import OpIO
from edgegen.kernels.base import Constant
from edgegen.kernels.formats import DENSE, HWC, PLANES_HIGH, PLANES_WIDE, Format, Layout

ALL_FORMATS = (DENSE, HWC, PLANES_WIDE, PLANES_HIGH)


def operand_constants(io: OpIO, count: int) -> tuple[Constant, ...]:
    """The first `count` inputs as far as they are constants, as roles `input0`, `input1`.

    A template reads an operand as `v.inputs[0] or v.constants.input0`.
    """
    return tuple(
        Constant(f"input{i}", np.ascontiguousarray(t.data))
        for i, t in enumerate(io.inputs[:count])
        if t is not None and t.data is not None
    )


def storage_offset(form: Format) -> int:
    """What is added to an int8 value before it is stored: 128 in the formats that store u8."""
    return 0 if form.layout is Layout.DENSE else 128

"""Addition for cores with the DSP extension: two products for each value, four values a word."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, KernelIO, Packed, Piece
from edgegen.kernels.formats import Layout
from edgegen.kernels.pairwise import (
    DspPairs,
    clamp_cycles,
    saturation_variables,
    saturation_variant,
    stored_bytes,
)
from edgegen.ops.add import LEFT_SHIFT, Add
from edgegen.quant.solve_add import Sum, TwoProducts, prove_sum, solve_sum
from edgegen.quant.word32 import wrap


class DspAdd(DspPairs[Add]):
    """Operands of equal shape in any one format; see `edgegen.quant.solve_add`."""

    op: ClassVar[type[Op]] = Add

    def solvable(self, op: Add, io: OpIO) -> bool:
        """See `DspPairs.solvable`."""
        return solved_sum(op, io) is not None

    def code(self, op: Add, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        form = solved_sum(op, io)
        assert form is not None
        signed = io.output_format.layout is Layout.DENSE
        return {f"dsp_add {_tile(form, signed=signed).variant}": 310 if signed else 250}

    def cost(self, op: Add, io: KernelIO) -> Cost:
        """See `Kernel.cost`: 27 cycles a word and 3 a round of two words."""
        form = solved_sum(op, io)
        assert form is not None
        signed = io.output_format.layout is Layout.DENSE
        word = 28.5 + clamp_cycles(form.saturation, signed=signed)
        cycles = round(word * stored_bytes(io) / 4) + 60
        return Cost(round(0.95 * cycles), cycles)

    def flash_bytes(self, op: Add, io: KernelIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`: three factors."""
        return 12

    def pack(self, op: Add, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        form = solved_sum(op, io)
        assert form is not None
        signed = io.output_format.layout is Layout.DENSE
        one, other = form.factors
        # With q = u - 128 for u, the constant takes up 128 times the factors; it may wrap.
        offset = form.c + (128 * (one + other) if signed else 0)
        return Packed(
            call={
                "factors": (one, other, int(wrap(np.array(offset)))),
                "count": stored_bytes(io),
            },
            pieces={"tile": _tile(form, signed=signed)},
        )


def _tile(form: TwoProducts, *, signed: bool) -> Piece:
    variant = f"{form.shift}_{saturation_variant(form.saturation, signed=signed)}"
    variables = saturation_variables(form.saturation, signed=signed)
    return Piece("dsp_add", variant, {**variables, "shift": form.shift})


def solved_sum(op: Add, io: OpIO) -> TwoProducts | None:
    """The constants of an addition, or None where none could be proved."""
    return _solve(_sum(op, io))


def _sum(op: Add, io: OpIO) -> Sum:
    one, other, output = op.multipliers(io)
    return Sum(
        (io.input(0).type.zero_point, io.input(1).type.zero_point),
        (one, other),
        output,
        io.output.type.zero_point,
        *op.output_range(io),
        left_shift=LEFT_SHIFT,
    )


@functools.lru_cache(maxsize=256)
def _solve(operator: Sum) -> TwoProducts | None:
    form = solve_sum(operator)
    return form if form is not None and prove_sum(operator, form) else None

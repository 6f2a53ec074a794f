"""Multiplication for cores with the DSP extension: four products a word, solved requantisation."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, KernelIO, Packed, Piece
from edgegen.kernels.formats import Layout
from edgegen.kernels.operands import storage_offset
from edgegen.kernels.pairwise import (
    DspPairs,
    clamp_cycles,
    saturation_variables,
    saturation_variant,
    stored_bytes,
)
from edgegen.kernels.solved import Solved, solve_layer
from edgegen.ops.mul import Mul
from edgegen.quant.fixed_point import Multiplier
from edgegen.quant.solve_add import product_channel
from edgegen.quant.solver import Shifts

# Products have up to 17 bits, so that k = 14 leaves room for c0; e = 16 is quickest.
SHIFTS = Shifts(range(14, -1, -1), range(16, 7, -1))


class DspMul(DspPairs[Mul]):
    """Operands of equal shape in any one format."""

    op: ClassVar[type[Op]] = Mul

    def solvable(self, op: Mul, io: OpIO) -> bool:
        """See `DspPairs.solvable`."""
        return _solved(op, io) is not None

    def code(self, op: Mul, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`."""
        solved = _solved(op, io)
        assert solved is not None
        signed = io.output_format.layout is Layout.DENSE
        size = (220 if solved.form == "linear" else 320) + 60 * signed
        return {f"dsp_mul {_tile(solved, signed=signed).variant}": size}

    def cost(self, op: Mul, io: KernelIO) -> Cost:
        """See `Kernel.cost`: 25 cycles a word and 3 a round of two words; more with branches."""
        solved = _solved(op, io)
        assert solved is not None
        signed = io.output_format.layout is Layout.DENSE
        word = 26.5 + clamp_cycles(solved.saturation, signed=signed)
        word += (0 if solved.form == "linear" else 11) + (0 if solved.e == 16 else 2)
        cycles = round(word * stored_bytes(io) / 4) + 60
        return Cost(round(0.95 * cycles), cycles)

    def flash_bytes(self, op: Mul, io: KernelIO) -> int:  # noqa: ARG002
        """See `Kernel.flash_bytes`: zero points and up to four constants."""
        return 24

    def pack(self, op: Mul, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        solved = _solved(op, io)
        assert solved is not None
        signed = io.output_format.layout is Layout.DENSE
        offset = storage_offset(io.output_format)
        lanes = [(-(io.input(i).type.zero_point + offset) & 0xFFFF) * 0x00010001 for i in range(2)]
        words = [*lanes, *(int(w) & 0xFFFFFFFF for w in solved.words[0])]
        return Packed(
            call={
                "words": [f"0x{word:08x}u" for word in words],
                "size": len(words),
                "count": stored_bytes(io),
            },
            pieces={"tile": _tile(solved, signed=signed)},
        )


def _tile(solved: Solved, *, signed: bool) -> Piece:
    variant = f"{solved.form}{solved.k}_{solved.e}_"
    variables = saturation_variables(solved.saturation, signed=signed)
    variables |= {"form": solved.form, "k": solved.k, "e": solved.e}
    return Piece(
        "dsp_mul", variant + saturation_variant(solved.saturation, signed=signed), variables
    )


def _solved(op: Mul, io: OpIO) -> Solved | None:
    return _solve(
        (io.input(0).type.zero_point, io.input(1).type.zero_point),
        op.multiplier(io),
        (io.output.type.zero_point, *op.output_range(io)),
    )


@functools.lru_cache(maxsize=256)
def _solve(
    zero_points: tuple[int, int], multiplier: Multiplier, output: tuple[int, int, int]
) -> Solved | None:
    solved = solve_layer(product_channel(zero_points, multiplier, output), SHIFTS)
    # One and the same output for all products needs no kernel of its own.
    return None if solved is None or bool(solved.constant[0]) else solved

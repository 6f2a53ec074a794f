"""Requantisation constants of a layer for cores without long multiplication.

The form is `SplitProduct` of `edgegen.quant.solve_m0`: two 32-bit products for each output. Kernels
that use it multiply signed inputs x = q, whatever their buffer stores, so that a layer has one
solution for all formats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgegen.kernels.base import Piece
from edgegen.quant.fixed_point import Int64
from edgegen.quant.solve_m0 import SplitProduct, prove_m0, solve_m0
from edgegen.quant.staircase import Bools, Channels


@dataclass(frozen=True)
class Split:
    """A layer's proved constants.

    Attributes:
        two: whether negative accumulators have constants of their own.
        fine: whether the multiplier has eight more bits.
        bias: int64 [channels], what accumulators start from.
        words: int64 [channels, n]: M, C, the accumulator from which the output saturates, with
            `fine` the multiplier's further bits, the last right shift; with `two` also C below 0
            and the accumulator below which the output saturates.
        constant: channels whose weights must be zeroed.
        zero: output before clamping at accumulator 0, as steps above the lowest output.
        steps: steps from the lowest to the highest output.
        low: lowest output, as int8.
    """

    two: bool
    fine: bool
    bias: Int64
    words: Int64
    constant: Bools
    zero: int
    steps: int
    low: int

    @property
    def words_per_channel(self) -> int:
        """Constants of one channel besides the bias, in 32-bit words."""
        return int(self.words.shape[1])

    def variant(self, *, signed: bool) -> str:
        """Tells requantisations apart, a part of a C identifier."""
        form = f"{'two' if self.two else 'one'}{'_fine' if self.fine else ''}"
        clamp = f"_{self.zero}" if self.zero else ""
        if (self.low, self.steps) != (-128, 255):
            clamp += f"_{self.low + 128}_{self.steps}"
        return f"{form}{clamp}{'_s8' if signed else ''}"

    def variables(self, *, signed: bool) -> dict[str, Any]:
        """Template variables; stored bytes are what is added to steps, modulo 256.

        Args:
            signed: whether outputs are stored as TFLite's int8 instead of u8.
        """
        lowest = self.low & 255 if signed else self.low + 128
        return {
            "two": self.two,
            "fine": self.fine,
            "words": self.words_per_channel,
            "registers": "{r0-r2, r4, r6}" if self.fine else "{r0-r2, r6}",
            "shift_word": 4 if self.fine else 3,
            "offset": (self.zero + lowest) & 255,
            "lowest": lowest,
            "highest": (lowest + self.steps) & 255,
        }

    def piece(self, *, signed: bool) -> Piece:
        """The requantisation of portable C."""
        return Piece("v6m_requantise", self.variant(signed=signed), self.variables(signed=signed))

    def cycles(self, *, signed: bool) -> int:
        """Cycles of one output on a Cortex-M0+: constants, arithmetic and a store."""
        arithmetic = 16 if self.two else 12
        offset = self.variables(signed=signed)["offset"] != 0 and not self.two
        return 1 + len(self.words[0]) + arithmetic + 5 * self.fine + offset + 2


def solve_split(channels: Channels) -> Split | None:
    """The cheapest form that serves every channel, proved; None where there is none."""
    form = solve_m0(channels)
    if not (form.complete and bool(prove_m0(channels, form).all())):
        return None
    return _split(channels, form)


def _split(channels: Channels, form: SplitProduct) -> Split:
    columns = [form.multiplier, form.plus, form.t_high]
    if form.fine:
        columns.append(form.extra)
    columns.append(form.shift)
    if form.two:
        columns += [form.minus, form.t_low]
    words = np.stack(columns, axis=1)
    return Split(
        form.two,
        form.fine,
        form.bias,
        words,
        form.constant,
        form.zero,
        form.steps,
        channels.low,
    )

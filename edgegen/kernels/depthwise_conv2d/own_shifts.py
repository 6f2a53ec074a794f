"""Requantisation constants for kernels that store weights times 2**k.

There the left shift of accumulators costs nothing, so that every channel can have its own: 8, the
most that weights in int16 lanes allow, unless a large bias asks for less. Layers agree on e where
they can, since it is in the code. Channels that the linear form serves do not hinder a layer of the
two-branch form: with both offsets 0, its SMMLA is SMMUL.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgegen.kernels.solved import Solved
from edgegen.quant.fixed_point import INT32_MAX, Int64
from edgegen.quant.form import Saturation, saturation
from edgegen.quant.solve_branch import prove_branches, solve_two_branch
from edgegen.quant.solve_linear import prove_linear, solve_linear
from edgegen.quant.staircase import Channels

GREATEST_SHIFT = 8
"""Largest k: -128 * 2**8 is the least int16."""

EXPONENTS = (8, 12, 16, 20, 10, 6, 4, 2)
"""Right shifts to try: 8 suits scales below 1/2; a greater one makes M finer, a smaller one takes
greater scales."""


@dataclass(frozen=True, eq=False)
class ScaledLayer:
    """Proved constants of a layer.

    Attributes:
        solved: the requantisation; its `k` is the greatest.
        shifts: k of each channel.
    """

    solved: Solved
    shifts: Int64


def solve_own_shifts(channels: Channels) -> ScaledLayer | None:
    """The cheapest form that serves every channel, proved; None where there is none."""
    shifts = _shifts(channels)
    if (shifts < 0).any() or not channels.monotone.all():
        return None
    for two in (False, True):
        for e in EXPONENTS:
            scaled = channels.scale * 2.0 ** (32 + e - shifts)
            if (scaled[channels.live] <= INT32_MAX).all():
                found = _solve(channels, shifts, e, two=two)
                if found is not None:
                    return ScaledLayer(found, shifts)
    return None


def _shifts(channels: Channels) -> Int64:
    """The greatest k of each channel that keeps accumulator and first addend within int32.

    The first addend is (bias + d / scale) << k, d being the output's distance from the low clamp
    for a sum of 0, up to rounding; below 0 if there is none.
    """
    distance = channels.zero_point - channels.low + 1
    with np.errstate(divide="ignore"):
        steps = np.where(channels.live, abs(distance) / channels.scale, 0.0)
    reach = channels.magnitude + np.abs(channels.bias) + steps
    reach = np.where(channels.live, reach, 1.0)
    return np.minimum(np.floor(np.log2(INT32_MAX / reach)), GREATEST_SHIFT).astype(np.int64)


def _solve(channels: Channels, shifts: Int64, e: int, *, two: bool) -> Solved | None:
    """Constants for given shifts, in the two-branch form or, all channels linear, in that."""
    words = np.zeros((channels.count, 4 if two else 2), np.int64)
    clamps: list[Saturation] = []
    for k in np.unique(shifts).tolist():
        rows = np.flatnonzero(shifts == k)
        part = channels.select(rows)
        linear = solve_linear(part, k, e)
        good = prove_linear(part, linear)
        words[rows, 0], words[rows, 1] = linear.c0, linear.multiplier
        clamps.append(linear.saturation)
        if two and not good.all():
            branches = solve_two_branch(part, k, e)
            kinked = ~good & prove_branches(part, branches)
            offsets = (branches.b, branches.multiplier, branches.plus, branches.minus)
            words[rows[kinked]] = np.stack(offsets, axis=1)[kinked]
            clamps.append(branches.saturation)
            good |= kinked
        if not good.all():
            return None
    clamp = clamps[0]
    if any(c.ceiling is not None for c in clamps):
        clamp = saturation(channels.low, channels.high)
    form = "two_branch" if two else "linear"
    return Solved(form, int(shifts.max()), e, words, channels.constant, clamp)

"""Forms with the offset after the multiplication: two branches (C), and one (late linear).

Form C serves zero points inside the output range, where TFLite's second rounding (ties away from
zero) has a kink: below zero, thresholds lie one or two accumulator units further right. The sign
of acc + bias selects the offset:

    x = (acc << k) + b;  u = USAT((x >= 0 ? SMMLA(x, M, plus) : SMMLA(x, M, minus)) >> e)

Late linear drops the branch and the first addition: u = USAT(SMMLA(acc << k, M, r) >> e). It costs
one instruction less than form A where the kernel has no addition to spare (Winograd with k = 0),
but its offset is coarse, 2**-e of an output step, and fails for small scales.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgegen.quant.fixed_point import INT32_MAX, Int64
from edgegen.quant.form import Form, Saturation, agrees, reachable_ends, saturation, scaled_fits
from edgegen.quant.solve_search import Region, attempt_regions, middle, search
from edgegen.quant.staircase import Bools, Channels
from edgegen.quant.word32 import smmla, wrap

GREATEST_EXPONENT = 21
"""Largest e for which v << e and every offset stay far inside int32."""

_OFFSET = 1 << 30
"""Offsets below it in magnitude cannot overflow: |SMMUL| <= 2**30 for M < 2**31."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Branches(Form):
    """Constants of form C or of late linear; arrays are int64 [channels].

    Attributes:
        k: left shift of the accumulator, one for the layer.
        e: right shift of the saturation, one for the layer.
        factor: what the kernel's accumulator is a multiple of: factor * acc.
        two: whether the sign selects the offset. Otherwise b = 0 and plus = minus = r.
        b: int32, added after the left shift.
        multiplier: M, in (0, 2**31).
        plus: offset where x >= 0.
        minus: offset where x < 0.
        saturation: what follows the right shift.
    """

    k: int
    e: int
    factor: int
    two: bool
    b: Int64
    multiplier: Int64
    plus: Int64
    minus: Int64
    saturation: Saturation


def solve_two_branch(channels: Channels, k: int, e: int = 16, factor: int = 1) -> Branches:
    """Finds the constants of form C for given shifts; see `solve_linear` for the arguments.

    Channels with (max|acc| + |bias|) * factor << k >= 2**31 are not solved.
    """
    return _solve(channels, k, e, factor, two=True)


def solve_late(channels: Channels, k: int, e: int = 16, factor: int = 1) -> Branches:
    """Finds the constants of late linear for given shifts; see `solve_linear`."""
    return _solve(channels, k, e, factor, two=False)


def _solve(channels: Channels, k: int, e: int, factor: int, *, two: bool) -> Branches:
    if not 0 <= e <= GREATEST_EXPONENT or k < 0 or factor < 1:
        raise ValueError(f"this form takes no k = {k}, e = {e}, factor = {factor}")
    count = channels.count
    base = channels.bias if two else np.zeros(count, np.int64)
    reach = (channels.magnitude + np.abs(base)) * factor
    rows = np.flatnonzero(channels.live & (reach <= INT32_MAX >> k))
    multiplier, solved = np.full(count, 1 << 30, np.int64), channels.constant.copy()
    half = (channels.constant_v << e) + ((1 << e) >> 1)
    offsets = [half.copy(), half.copy()]
    if rows.size:
        live = channels.select(rows)
        regions = _regions(live, base[rows], factor << k, e, two=two)
        found, good = search(
            live.scale * 2.0 ** (32 + e - k) / factor,
            lambda at, m: attempt_regions(regions, at, m),
        )
        for offset, region in zip(offsets, regions * (1 if two else 2), strict=True):
            least, most, _ = region.bounds(np.arange(rows.size), found)
            value = middle(least, most)
            good &= np.abs(value) < _OFFSET
            offset[rows] = value
        multiplier[rows], solved[rows] = found, good
    b = np.where(solved & ~channels.constant, base * factor << k, 0)
    form = Branches(
        k=k,
        e=e,
        factor=factor,
        two=two,
        b=b,
        multiplier=np.where(solved, multiplier, 0),
        plus=np.where(solved, offsets[0], 0),
        minus=np.where(solved, offsets[1], 0),
        constant=channels.constant,
        solved=solved,
        saturation=saturation(channels.low, channels.high),
    )
    # The greatest value is at the end of one of the two sides.
    sides = np.stack([channels.acc_max, -channels.bias - 1], axis=1)
    sides = np.clip(sides, channels.acc_min[:, np.newaxis], channels.acc_max[:, np.newaxis])
    top = _unsaturated(form, np.where(form.constant[:, np.newaxis], 0, sides)).max(initial=0)
    return replace(form, saturation=saturation(channels.low, channels.high, int(top)))


def _regions(channels: Channels, base: Int64, unit: int, e: int, *, two: bool) -> list[Region]:
    """The pieces on which one offset holds: x >= 0 and x < 0, or everything."""
    targets = np.arange(1, channels.steps + 1, dtype=np.int64) << e
    first, last = channels.acc_min, channels.acc_max
    pieces = [(first, last)]
    if two:
        pieces = [(np.maximum(first, -base), last), (first, np.minimum(last, -base - 1))]
    return [Region(channels.thresholds, a, z, base, unit, targets, 32) for a, z in pieces]


def _unsaturated(form: Branches, acc: Int64) -> Int64:
    column = np.s_[:, np.newaxis]
    x = wrap(wrap(acc * form.factor << form.k) + form.b[column])
    offset = np.where(x >= 0, form.plus[column], form.minus[column])
    return smmla(x, form.multiplier[column], offset) >> form.e


def apply_branches(form: Branches, acc: Int64) -> Int64:
    """Outputs u of raw accumulators [channels, points], computed as the kernel does."""
    return form.saturation.apply(_unsaturated(form, acc))


def prove_branches(channels: Channels, form: Branches) -> Bools:
    """Which channels are exact for every reachable accumulator.

    Monotone on either side of x = 0: x rises with acc because nothing overflows, SMMLA with M > 0
    is a floor of it plus a constant that cannot overflow, and the shift and the saturation keep
    order. The break between the sides is a point of the proof.
    """
    unit = form.factor << form.k
    safe = scaled_fits(reachable_ends(channels, form), unit, form.b)
    safe &= (form.multiplier > 0) & (form.multiplier <= INT32_MAX)
    safe &= np.maximum(np.abs(form.plus), np.abs(form.minus)) < _OFFSET
    # The first acc with acc * unit + b >= 0.
    breaks = -(form.b // unit)[:, np.newaxis]
    return safe & form.solved & agrees(channels, form, lambda a: apply_branches(form, a), breaks)

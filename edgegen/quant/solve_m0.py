"""Requantisation with 32-bit products only (Cortex-M0+: no long multiply, no saturation).

With D = 2**(8 + shift), floor((a * M + C) / D) needs 56 bits; splitting a keeps every step in 32:

    ((a >> 8) * M + (((a & 255) * M + C) >> 8)) >> shift

is the same number, because 256 * (a >> 8) * M is a multiple of 256. Two variants:

One-sided, a = acc + bias with a bias chosen so that the first threshold lies where C is about D/2:

    a < 0: v = 0;  a >= t_high: v = steps;  else v = the above, all unsigned.

Two-sided, a = acc + bias with the channel's own bias, so that the sign picks the offset on the two
sides of the kink that double rounding makes at zero:

    a < t_low: v = 0;  a >= t_high: v = steps;  else v = zero + the above with C = plus or minus by
    the sign of a, the inner shift logical, the others arithmetic.

Then u = v + low + 128. Both leave out saturation by the comparisons where it is not reached:
t_high = 2**31 - 1, or t_low = -2**31.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgegen.quant.fixed_point import INT32_MAX, INT32_MIN, Int64
from edgegen.quant.form import Form, agrees, reachable_ends
from edgegen.quant.solve_search import Region, attempt_regions, middle, search
from edgegen.quant.staircase import Bools, Channels
from edgegen.quant.word32 import fits, wrap, wrap_unsigned

UNSIGNED_SHIFT, SIGNED_SHIFT = 24, 23
"""Largest shifts for which 255 << shift, and a carry, stay within uint32 and int32."""

GREATEST_MULTIPLIER = (1 << 24) - 1
"""255 * M must leave room for C in 32 bits."""

WORD = (1 << 32) - 1

TRIES = 3
"""Shifts tried below the largest; each costs one bit of the multiplier."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SplitProduct(Form):
    """Constants of the 32-bit form; arrays are int64 [channels].

    Attributes:
        two: whether the sign of a picks the offset (two-sided variant).
        bias: int32, added to the accumulator.
        multiplier: M, below 2**24.
        plus: C, uint32; two-sided: C where a >= 0.
        minus: C where a < 0; one-sided: the same as plus.
        shift: last right shift.
        zero: v at a = 0 (two-sided), else 0.
        t_low: a below it saturates to v = 0; 0 when one-sided.
        t_high: a from it on saturates to v = steps.
        steps: greatest v.
        offset: u of v = 0.
    """

    two: bool
    bias: Int64
    multiplier: Int64
    plus: Int64
    minus: Int64
    shift: Int64
    zero: int
    t_low: Int64
    t_high: Int64
    steps: int
    offset: int

    @property
    def uniform(self) -> bool:
        """Whether one shift serves every channel, so that it is an immediate."""
        return bool((self.shift == self.shift[:1]).all())


def greatest_shift(channels: Channels, *, two: bool = False) -> Int64:
    """Largest shift with a multiplier below 2**24, for each channel."""
    scale = np.maximum(channels.scale, 2.0**-40)
    shift = np.floor(24 - np.log2(scale)).astype(np.int64) - 8
    limited: Int64 = np.clip(shift, 0, SIGNED_SHIFT if two else UNSIGNED_SHIFT)
    return limited


def solve_m0_shift(channels: Channels, shift: Int64 | int, *, two: bool = False) -> SplitProduct:
    """Finds the constants of the 32-bit form.

    Args:
        channels: the exact requantisation.
        shift: last right shift, one or [channels]; see `greatest_shift`.
        two: the two-sided variant.
    """
    s = np.broadcast_to(np.asarray(shift, np.int64), (channels.count,)).copy()
    if (s < 0).any() or (s > (SIGNED_SHIFT if two else UNSIGNED_SHIFT)).any():
        raise ValueError("the 32-bit form takes no such shift")
    zero = channels.zero_point - channels.low if two else 0
    form = _empty(channels, s, zero, two=two)
    rows = np.flatnonzero(channels.live)
    part = channels.select(rows)
    base = part.bias if two or not rows.size else _rebased(part, s[rows])
    # t_high = INT32_MAX must not be reached by a channel that does not saturate.
    ends = np.stack([part.acc_min, part.acc_max + 1], axis=1) + base[:, np.newaxis]
    kept = fits(ends).all(axis=1) & fits(base)
    if not kept.any():
        return form
    rows, part, base = rows[kept], part.select(kept), base[kept]
    d = s[rows] + 8
    t = part.thresholds
    high = np.where(t[:, -1] <= part.acc_max, t[:, -1] + base, INT32_MAX)
    low = np.zeros_like(base)
    if two:
        low = np.where(t[:, 0] > part.acc_min, t[:, 0] + base, INT32_MIN)
    first = np.maximum(part.acc_min, low - base)
    last = np.minimum(part.acc_max, high - 1 - base)
    pieces = [(first, last)]
    if two:
        pieces = [(np.maximum(first, -base), last), (first, np.minimum(last, -base - 1))]
    targets = (np.arange(1, channels.steps + 1) - zero) << d[:, np.newaxis]
    regions = [Region(t, a, z, base, 1, targets, 0) for a, z in pieces]
    found, good = search(
        part.scale * 2.0**d,
        lambda at, m: attempt_regions(regions, at, m),
        greatest=GREATEST_MULTIPLIER,
    )
    form.bias[rows], form.multiplier[rows] = base, found
    form.t_low[rows], form.t_high[rows] = low, high
    for offset, region in zip((form.plus, form.minus), regions * (1 if two else 2), strict=True):
        least, most, _ = region.bounds(np.arange(rows.size), found)
        least, most = np.maximum(least, 0), np.minimum(most, WORD - 255 * found)
        good &= least <= most
        offset[rows] = middle(least, most)
    form.solved[rows] = good
    return form


def _empty(channels: Channels, shift: Int64, zero: int, *, two: bool) -> SplitProduct:
    """The form with its constant channels filled in: M is a power of two, a what it makes v of."""
    flat = channels.constant
    power = np.minimum(16, shift + 8)
    bias = (channels.constant_v - zero) << (shift + 8 - power)
    none = np.zeros(channels.count, np.int64)
    return SplitProduct(
        two=two,
        bias=np.where(flat, bias, 0),
        multiplier=np.where(flat, np.int64(1) << power, 0),
        plus=none.copy(),
        minus=none.copy(),
        shift=shift,
        zero=zero,
        t_low=none + (INT32_MIN if two else 0),
        t_high=none + INT32_MAX,
        steps=channels.steps,
        offset=channels.low + 128,
        constant=flat,
        solved=flat.copy(),
    )


def _rebased(channels: Channels, shift: Int64) -> Int64:
    """The bias that makes C fall into the middle of what 32 bits leave to it, D/2 at most.

    C = D/2 belongs to the real line through the origin, where the first of the thresholds v lies
    at (v - 1/2) / scale; moving it left by C/D - 1/2 steps moves C.
    """
    t, scale = channels.thresholds, np.maximum(channels.scale, 2.0**-40)
    first = (t > channels.acc_min[:, np.newaxis]).argmax(axis=1)
    d = 2.0 ** (shift + 8)
    c = np.minimum(d, 2.0**32 - 255 * scale * d) / 2
    place = np.rint((first + 1 - np.maximum(c, 0) / d) / scale)
    bias: Int64 = place.astype(np.int64) - t[np.arange(channels.count), first]
    return bias


def solve_m0(channels: Channels) -> SplitProduct:
    """The best of the 32-bit forms: one shift for the layer if it serves all, else one for each.

    The two-sided variant, three instructions longer, is for zero points above the low clamp. The
    result may leave channels unsolved; they need a 64-bit product in C (forms A to C).
    """
    two = channels.zero_point > channels.low
    own = greatest_shift(channels, two=two)
    top = int(own[channels.live].min(initial=SIGNED_SHIFT))
    for shift in range(top, max(top - TRIES, -1), -1):
        form = solve_m0_shift(channels, shift, two=two)
        if form.complete:
            return form
    best = solve_m0_shift(channels, own, two=two)
    for down in range(1, TRIES):
        if not best.complete:
            best = _merge(best, solve_m0_shift(channels, np.maximum(own - down, 0), two=two))
    return best


def _merge(best: SplitProduct, other: SplitProduct) -> SplitProduct:
    """`best` with what only `other` solves."""
    names = ("bias", "multiplier", "plus", "minus", "shift", "t_low", "t_high")
    mixed = {n: np.where(best.solved, getattr(best, n), getattr(other, n)) for n in names}
    return replace(best, solved=best.solved | other.solved, **mixed)


def apply_m0(form: SplitProduct, acc: Int64) -> Int64:
    """Outputs u of raw accumulators [channels, points], computed as the kernel does."""
    column = np.s_[:, np.newaxis]
    m, s = form.multiplier[column], form.shift[column]
    a = wrap(acc + form.bias[column])
    c = np.where(a >= 0, form.plus[column], form.minus[column])
    low = wrap_unsigned((a & 255) * m + c) >> 8
    total = (a >> 8) * m + low
    total = wrap(total) if form.two else wrap_unsigned(total)
    v = (total >> s) + form.zero
    v = np.where(a >= form.t_high[column], form.steps, np.where(a < form.t_low[column], 0, v))
    return v + form.offset


def prove_m0(channels: Channels, form: SplitProduct) -> Bools:
    """Which channels are exact for every reachable accumulator.

    Between the comparisons nothing wraps, as checked at the ends of each piece, so that the value
    is floor((a * M + C) / D), which rises with a; the comparisons and the sign are breaks.
    """
    column = np.s_[:, np.newaxis]
    ends = reachable_ends(channels, form) + form.bias[column]
    safe = fits(ends).all(axis=1) & fits(form.bias)
    least = np.maximum(ends[:, 0], form.t_low)
    most = np.minimum(ends[:, 1], form.t_high - 1)
    for a, z, c in (
        (np.maximum(least, 0), most, form.plus),
        (least, np.minimum(most, -1), form.minus),
    ):
        bottom, top = (a * form.multiplier + c) >> 8, (z * form.multiplier + c) >> 8
        inside = fits(bottom) & fits(top) if form.two else (bottom >= 0) & (top <= WORD)
        safe &= (a > z) | (inside & (c >= 0) & (255 * form.multiplier + c <= WORD))
    safe &= (form.multiplier >= 0) & (form.multiplier <= GREATEST_MULTIPLIER)
    turns = np.stack([np.zeros_like(form.bias), form.t_low, form.t_high], axis=1)
    breaks = turns - form.bias[column]
    return safe & form.solved & agrees(channels, form, lambda a: apply_m0(form, a), breaks)

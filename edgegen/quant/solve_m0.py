"""Requantisation with 32-bit products only (Cortex-M0+: no long multiply, no saturation).

With D = 2**(8 + shift), floor((a * M + C) / D) needs 56 bits; splitting a keeps every step in 32:

    ((a >> 8) * M + (((a & 255) * M + C) >> 8)) >> shift

is the same number, because 256 * (a >> 8) * M is a multiple of 256. There are two variants.

One-sided, a = acc + bias with a bias chosen so that C gets the most room:

    a < 0: v = 0;  a >= t_high: v = steps;  else v = the above, all unsigned.

Two-sided, a = acc + bias with the channel's own bias, so that the sign picks the offset on the two
sides of the kink that double rounding makes at zero:

    a < t_low: v = 0;  a >= t_high: v = steps;  else v = zero + the above with C = plus or minus by
    the sign of a, the inner shift logical, the others arithmetic.

Then u = v + low + 128. Both leave out saturation where it is not reached: t_high = 2**31 - 1, or
t_low = -2**31.

M has 24 bits, less for small scales, which is too coarse for channels with many thresholds and
scales below 1/1000 or so. For these, `fine` adds eight bits: M + extra / 256, where

    ((a >> 8) * M + (((a & 255) * M + (a * extra >> 8) + C) >> 8)) >> shift,    |a| <= 2**23,

at the cost of a product, a shift, an addition and a constant.
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

FINE_REACH = 1 << 23
"""Greatest |a| for which a * extra, extra < 256, is int32."""

WORD = (1 << 32) - 1

TRIES = 3
"""Shifts tried below the largest; each costs one bit of the multiplier."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SplitProduct(Form):
    """Constants of the 32-bit form; arrays are int64 [channels].

    Attributes:
        two: whether the sign of a picks the offset (two-sided variant).
        fine: whether `extra` is used.
        bias: int32, added to the accumulator.
        multiplier: M, below 2**24.
        extra: bits of the multiplier below M, in 1/256; 0 without `fine`.
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
    fine: bool
    bias: Int64
    multiplier: Int64
    extra: Int64
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


def solve_m0_shift(
    channels: Channels, shift: Int64 | int, *, two: bool = False, fine: bool = False
) -> SplitProduct:
    """Finds the constants of the 32-bit form.

    Args:
        channels: the exact requantisation.
        shift: last right shift, one or [channels]; see `greatest_shift`.
        two: the two-sided variant.
        fine: the multiplier with eight more bits.
    """
    s = np.broadcast_to(np.asarray(shift, np.int64), (channels.count,)).copy()
    if (s < 0).any() or (s > (SIGNED_SHIFT if two else UNSIGNED_SHIFT)).any():
        raise ValueError("the 32-bit form takes no such shift")
    form = _empty(channels, s, two=two, fine=fine)
    rows = np.flatnonzero(channels.live)
    part = channels.select(rows)
    base = part.bias if two or not rows.size else _rebased(part, s[rows])
    # t_high = INT32_MAX must not be reached by a channel that does not saturate.
    ends = np.stack([part.acc_min, part.acc_max + 1], axis=1) + base[:, np.newaxis]
    kept = fits(ends).all(axis=1) & fits(base)
    if not kept.any():
        return form
    rows, part, base = rows[kept], part.select(kept), base[kept]
    t = part.thresholds
    high = np.where(t[:, -1] <= part.acc_max, t[:, -1] + base, INT32_MAX)
    low = np.where(t[:, 0] > part.acc_min, t[:, 0] + base, INT32_MIN) if two else 0 * base
    first = np.maximum(part.acc_min, low - base)
    last = np.minimum(part.acc_max, high - 1 - base)
    good = np.ones(rows.size, bool)
    if fine:
        good = (first + base >= -FINE_REACH) & (last + base <= FINE_REACH)
        first, last = np.where(good, first, 0), np.where(good, last, -1)
    pieces = [(first, last)]
    if two:
        pieces = [(np.maximum(first, -base), last), (first, np.minimum(last, -base - 1))]
    drop, d = 8 * fine, s[rows] + 8
    targets = (np.arange(1, channels.steps + 1) - form.zero) << d[:, np.newaxis]
    regions = [Region(t, a, z, base, 1, targets, drop) for a, z in pieces]
    found, hit = search(
        part.scale * 2.0 ** (d + drop),
        lambda at, m: attempt_regions(regions, at, m),
        greatest=((GREATEST_MULTIPLIER + 1) << drop) - 1,
    )
    margin = FINE_REACH if fine else 0
    for offset, region in zip((form.plus, form.minus), regions * (1 if two else 2), strict=True):
        least, most, _ = region.bounds(np.arange(rows.size), found)
        least = np.maximum(least, margin if two else 0)
        most = np.minimum(most, WORD - 255 * (found >> drop) - margin)
        good &= least <= most
        offset[rows] = middle(least, most)
    form.multiplier[rows], form.extra[rows] = found >> drop, found & ((1 << drop) - 1)
    form.bias[rows], form.t_low[rows], form.t_high[rows] = base, low, high
    form.solved[rows] = good & hit
    return form


def _empty(channels: Channels, shift: Int64, *, two: bool, fine: bool) -> SplitProduct:
    """The form with its constant channels filled in: M is a power of two, a what it makes v of."""
    flat = channels.constant
    zero = channels.zero_point - channels.low if two else 0
    power = np.minimum(16, shift + 8)
    bias = (channels.constant_v - zero) << (shift + 8 - power)
    none = np.zeros(channels.count, np.int64)
    return SplitProduct(
        two=two,
        fine=fine,
        bias=np.where(flat, bias, 0),
        multiplier=np.where(flat, np.int64(1) << power, 0),
        extra=none.copy(),
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
    at (v - 1/2) / scale; moving it left by C/D - 1/2 steps moves C. Only accumulators with v = 0
    may fall below a = 0.
    """
    t, scale = channels.thresholds, np.maximum(channels.scale, 2.0**-40)
    first = (t > channels.acc_min[:, np.newaxis]).argmax(axis=1)
    d = 2.0 ** (shift + 8)
    c = np.minimum(d, 2.0**32 - 255 * scale * d) / 2
    place = np.rint((first + 1 - np.maximum(c, 0) / d) / scale)
    bias = place.astype(np.int64) - t[np.arange(channels.count), first]
    limited: Int64 = np.maximum(bias, -t[:, 0])
    return limited


def solve_m0(channels: Channels, *, fine: bool = True) -> SplitProduct:
    """The cheapest of the 32-bit forms: one shift for the layer, or one for each channel, or fine.

    The two-sided variant, three instructions longer, is for zero points above the low clamp. The
    result may leave channels unsolved; they need a 64-bit product in C (forms A to C).

    Args:
        channels: the exact requantisation.
        fine: whether the kernel has code for the finer multiplier.
    """
    two = channels.zero_point > channels.low
    own = greatest_shift(channels, two=two)
    top = int(own[channels.live].min(initial=SIGNED_SHIFT))
    best: SplitProduct | None = None
    for extra in (False, True)[: 1 + fine]:
        for shift in range(top, max(top - TRIES, -1), -1):
            form = solve_m0_shift(channels, shift, two=two, fine=extra)
            if form.complete:
                return form
        best = solve_m0_shift(channels, own, two=two, fine=extra)
        for down in range(1, TRIES):
            if best.complete:
                return best
            lower = np.maximum(own - down, 0)
            best = _merge(best, solve_m0_shift(channels, lower, two=two, fine=extra))
    assert best is not None
    return best


def _merge(best: SplitProduct, other: SplitProduct) -> SplitProduct:
    """`best` with what only `other` solves."""
    names = ("bias", "multiplier", "extra", "plus", "minus", "shift", "t_low", "t_high")
    mixed = {n: np.where(best.solved, getattr(best, n), getattr(other, n)) for n in names}
    return replace(best, solved=best.solved | other.solved, **mixed)


def apply_m0(form: SplitProduct, acc: Int64) -> Int64:
    """Outputs u of raw accumulators [channels, points], computed as the kernel does."""
    column = np.s_[:, np.newaxis]
    m, s = form.multiplier[column], form.shift[column]
    a = wrap(acc + form.bias[column])
    c = np.where(a >= 0, form.plus[column], form.minus[column])
    part = (a & 255) * m + (wrap(a * form.extra[column]) >> 8) + c
    total = (a >> 8) * m + (wrap_unsigned(part) >> 8)
    total = wrap(total) if form.two else wrap_unsigned(total)
    v = (total >> s) + form.zero
    v = np.where(a >= form.t_high[column], form.steps, np.where(a < form.t_low[column], 0, v))
    return v + form.offset


def prove_m0(channels: Channels, form: SplitProduct) -> Bools:
    """Which channels are exact for every reachable accumulator.

    Between the comparisons nothing wraps, as checked at the ends of each piece, so that the value
    is floor((floor(a * (256 * M + extra) / 256) + C) / D), which rises with a; the comparisons and
    the sign are breaks.
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
        inside = (c >= 0) & (c <= WORD)
        for end in (a, z):
            fraction = end * form.extra
            total = (end * form.multiplier + (fraction >> 8) + c) >> 8
            inside &= fits(fraction)
            inside &= fits(total) if form.two else (total >= 0) & (total <= WORD)
            inside &= c + (fraction >> 8) >= 0
            inside &= 255 * form.multiplier + (fraction >> 8) + c <= WORD
        safe &= (a > z) | inside
    safe &= (form.multiplier >= 0) & (form.multiplier <= GREATEST_MULTIPLIER)
    safe &= (form.extra >= 0) & (form.extra <= 255 * form.fine)
    turns = np.stack([np.zeros_like(form.bias), form.t_low, form.t_high], axis=1)
    breaks = turns - form.bias[column]
    return safe & form.solved & agrees(channels, form, lambda a: apply_m0(form, a), breaks)

"""Forms that need no search: direct (B), and the reference arithmetic itself (generic).

Form B is TFLite's own double rounding in four instructions, with x = (acc + bias) << left + 1:

    u = USAT(SMMLAR(x, mantissa, rounding + (x ASR 31)) ASR e)

SMMLAR is floor((x * mantissa + 2**31) / 2**32) = floor(((acc + bias) * 2**left * mantissa + 2**30)
/ 2**31), the first rounding. The second adds 2**(e-1) and subtracts one below zero before its
shift. It may look at the sign of acc + bias instead of that of the product: they differ only where
the product is 0 and both give the same result, as (2**(e-1) - 1) >> e = 2**(e-1) >> (e + 1) = 0.
The zero point rides along as a multiple of 2**e. Without a right shift there is no second rounding,
and the kernel adds `rounding` alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgegen.quant.fixed_point import INT32_MAX, INT32_MIN, Int64
from edgegen.quant.staircase import Bools, Channels, Saturation, agrees
from edgegen.quant.word32 import fits, smmlar, wrap


@dataclass(frozen=True)
class Direct:
    """Constants of form B; arrays are int64 [channels].

    Attributes:
        left: left shift of acc + bias, 1 or more.
        bias: int32, added before the left shift (or shifted likewise and added after it).
        mantissa: int32 multipliers.
        rounding: int32, rounding and zero point.
        e: right shift of the saturation; with 0, `x ASR 31` is left out.
        constant: channels whose weights must be zeroed.
        solved: channels whose constants are valid.
        saturation: what follows the right shift.
    """

    left: Int64
    bias: Int64
    mantissa: Int64
    rounding: Int64
    e: Int64
    constant: Bools
    solved: Bools
    saturation: Saturation

    @property
    def complete(self) -> bool:
        """Whether the form serves every channel."""
        return bool(self.solved.all())

    @property
    def uniform(self) -> bool:
        """Whether one left and one right shift serve every channel, so that both are immediates."""
        return bool((self.left == self.left[:1]).all() and (self.e == self.e[:1]).all())


def solve_direct(channels: Channels) -> Direct:
    """The constants of form B: always exact where they fit.

    A channel is left out if (acc + bias) << left may overflow int32, or if the rounding constant
    or its sum with the product may: |acc + bias| < 2**30 and e <= 21 are enough without a left
    shift of the multiplier. Constant channels take the shifts of a live one, so that they do not
    disturb `uniform`.
    """
    live, flat = channels.live, channels.constant
    some = int(np.flatnonzero(live)[0]) if live.any() else None
    left = np.where(flat, 1 if some is None else channels.left[some] + 1, channels.left + 1)
    e = np.where(flat, 16 if some is None else channels.right[some], channels.right)
    ends = np.stack([channels.acc_min, channels.acc_max], axis=1) + channels.bias[:, np.newaxis]
    zero = channels.zero_point - channels.low
    v = np.where(flat, channels.constant_v, zero)
    rounding = (v << e) + ((np.int64(1) << e) >> 1)
    safe = live & fits(rounding) & fits(rounding - 1)
    small = (ends >= INT32_MIN >> left[:, np.newaxis]) & (ends <= INT32_MAX >> left[:, np.newaxis])
    safe &= small.all(axis=1)
    x = np.where(safe[:, np.newaxis], ends << left[:, np.newaxis], 0)
    high = ((x * channels.mantissa[:, np.newaxis] + (1 << 31)) >> 32) + rounding[:, np.newaxis]
    safe &= fits(high - 1).all(axis=1) & fits(high).all(axis=1)
    solved = safe | (flat & fits(rounding))
    form = Direct(
        np.where(solved, left, 1),
        np.where(safe, channels.bias, 0),
        np.where(safe, channels.mantissa, np.where(flat, 1 << 30, 0)),
        np.where(solved, rounding, 0),
        np.where(solved, e, 0),
        flat,
        solved,
        channels.saturation(),
    )
    top = np.where(flat, 0, channels.acc_max)[solved][:, np.newaxis]
    part = _unsaturated(_rows(form, solved), top)
    return replace(form, saturation=channels.saturation(int(part.max(initial=0))))


def _rows(form: Direct, rows: Bools) -> Direct:
    return Direct(
        form.left[rows], form.bias[rows], form.mantissa[rows], form.rounding[rows], form.e[rows],
        form.constant[rows], form.solved[rows], form.saturation,
    )  # fmt: skip


def _unsaturated(form: Direct, acc: Int64) -> Int64:
    column = np.s_[:, np.newaxis]
    x = wrap(wrap(acc + form.bias[column]) << form.left[column])
    sign = np.where(form.e[column] > 0, x >> 31, 0)
    high = smmlar(x, form.mantissa[column], wrap(form.rounding[column] + sign))
    return high >> form.e[column]


def apply_direct(form: Direct, acc: Int64) -> Int64:
    """u of raw accumulators [channels, points], computed as the kernel does."""
    return form.saturation.apply(_unsaturated(form, acc))


def prove_direct(channels: Channels, form: Direct) -> Bools:
    """Which channels are exact for every reachable accumulator.

    Monotone on either side of acc + bias = 0: nothing overflows (checked at both ends for the
    left shift and, the product being monotone, for its sum with the rounding constant), and
    SMMLAR, shift and saturation keep order.
    """
    column = np.s_[:, np.newaxis]
    ends = np.stack([channels.acc_min, channels.acc_max], axis=1)
    ends = np.where(form.constant[column], 0, ends)
    total = ends + form.bias[column]
    limit = INT32_MAX >> form.left
    safe = fits(total).all(axis=1) & (np.abs(total) <= limit[column]).all(axis=1)
    x = np.where(safe[column], total << form.left[column], 0)
    high = ((x * form.mantissa[column] + (1 << 31)) >> 32) + form.rounding[column]
    safe &= (fits(high) & fits(high - 1)).all(axis=1) & fits(form.rounding - 1)
    safe &= (form.mantissa >= 0) & (form.mantissa <= INT32_MAX) & fits(form.rounding)
    return safe & form.solved & agrees(
        channels, lambda a: apply_direct(form, a), -form.bias[column], form.constant
    )


@dataclass(frozen=True)
class Generic:
    """Double rounding as TFLite writes it, in plain C: any channel, no conditions.

    Attributes:
        bias: int32 [channels].
        mantissa: int32 [channels].
        shift: int8 [channels], left when positive.
        zero_point: of the output.
        low: least q.
        high: greatest q.
    """

    bias: Int64
    mantissa: Int64
    shift: Int64
    zero_point: int
    low: int
    high: int

    @property
    def complete(self) -> bool:
        """Always true: this is the definition."""
        return True


def solve_generic(channels: Channels) -> Generic:
    """The fallback that is always there; no weights have to be zeroed."""
    c = channels
    return Generic(c.bias, c.mantissa, c.shift, c.zero_point, c.low, c.high)


def apply_generic(form: Generic, acc: Int64) -> Int64:
    """u of raw accumulators [channels, points]."""
    none = np.zeros_like(form.bias)
    channels = Channels(
        form.mantissa, form.shift, form.bias, none, none, form.zero_point, form.low, form.high
    )
    return channels.exact(acc)

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

from edgegen.quant.fixed_point import INT32_MAX, Int64
from edgegen.quant.form import Form, Saturation, agrees, reachable_ends, saturation
from edgegen.quant.staircase import Bools, Channels
from edgegen.quant.word32 import fits, smmlar, wrap


@dataclass(frozen=True, kw_only=True, eq=False)
class Direct(Form):
    """Constants of form B; arrays are int64 [channels].

    Attributes:
        left: left shift of acc + bias, 1 or more.
        bias: int32, added before the left shift (or shifted likewise and added after it).
        mantissa: int32 multipliers.
        rounding: int32, rounding and zero point.
        e: right shift of the saturation; with 0, `x ASR 31` is left out.
        saturation: what follows the right shift.
    """

    left: Int64
    bias: Int64
    mantissa: Int64
    rounding: Int64
    e: Int64
    saturation: Saturation

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
    v = np.where(flat, channels.constant_v, channels.zero_point - channels.low)
    rounding = (v << e) + ((np.int64(1) << e) >> 1)
    form = Direct(
        left=left,
        bias=np.where(live, channels.bias, 0),
        mantissa=np.where(live, channels.mantissa, 1 << 30),
        rounding=rounding,
        e=e,
        constant=flat,
        solved=live | flat,
        saturation=saturation(channels.low, channels.high),
    )
    ends = reachable_ends(channels, form)
    solved = form.solved & _safe(form, ends)
    top = np.where(solved[:, np.newaxis], _unsaturated(form, ends), 0).max(initial=0)
    limits = saturation(channels.low, channels.high, int(top))
    return replace(form, solved=solved, saturation=limits)


def _safe(form: Direct, ends: Int64) -> Bools:
    """Channels in which nothing overflows: neither shift, rounding constant, nor their sum."""
    column = np.s_[:, np.newaxis]
    total = ends + form.bias[column]
    safe: Bools = (np.abs(total) <= (INT32_MAX >> form.left)[column]).all(axis=1)
    x = np.where(safe[column], total << form.left[column], 0)
    high = ((x * form.mantissa[column] + (1 << 31)) >> 32) + form.rounding[column]
    safe &= (fits(high) & fits(high - 1)).all(axis=1)
    return safe & fits(form.rounding) & fits(form.rounding - 1)


def _unsaturated(form: Direct, acc: Int64) -> Int64:
    column = np.s_[:, np.newaxis]
    x = wrap(wrap(acc + form.bias[column]) << form.left[column])
    sign = np.where(form.e[column] > 0, x >> 31, 0)
    high = smmlar(x, form.mantissa[column], wrap(form.rounding[column] + sign))
    return high >> form.e[column]


def apply_direct(form: Direct, acc: Int64) -> Int64:
    """Outputs u of raw accumulators [channels, points], computed as the kernel does."""
    return form.saturation.apply(_unsaturated(form, acc))


def prove_direct(channels: Channels, form: Direct) -> Bools:
    """Which channels are exact for every reachable accumulator.

    Monotone on either side of acc + bias = 0: nothing overflows (checked at both ends, the
    product being monotone), and SMMLAR, shift and saturation keep order.
    """
    safe = _safe(form, reachable_ends(channels, form)) & fits(form.bias)
    safe &= (form.mantissa >= 0) & (form.mantissa <= INT32_MAX)
    breaks = -form.bias[:, np.newaxis]
    return safe & form.solved & agrees(channels, form, lambda a: apply_direct(form, a), breaks)


@dataclass(frozen=True, eq=False)
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


def prove_generic(channels: Channels, form: Generic) -> Bools:
    """Which channels have the constants of their definition."""
    same = (form.zero_point, form.low, form.high) == (
        channels.zero_point,
        channels.low,
        channels.high,
    )
    equal: Bools = (form.shift == channels.shift) & (form.mantissa == channels.mantissa)
    equal &= (form.bias == channels.bias) & same
    return equal


def apply_generic(form: Generic, acc: Int64) -> Int64:
    """Outputs u of raw accumulators [channels, points]."""
    none = np.zeros_like(form.bias)
    channels = Channels(
        form.mantissa, form.shift, form.bias, none, none, form.zero_point, form.low, form.high
    )
    return channels.exact(acc)

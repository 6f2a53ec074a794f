"""Form A: u = USAT(SMMUL((acc << k) + c0, M) >> e), three instructions and two constants.

The bias, the rounding and the zero point are all in c0. With x = (acc * factor << k) + c0, the
value before saturation is floor(x * M / 2**(32 + e)), which reaches v exactly when
x >= ceil(v * 2**(32 + e) / M). Every reachable threshold thus bounds c0 from both sides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgegen.quant.fixed_point import INT32_MAX, Int64
from edgegen.quant.form import Form, Saturation, agrees, reachable_ends, saturation, scaled_fits
from edgegen.quant.solve_search import FAR, Trial, search
from edgegen.quant.staircase import Bools, Channels
from edgegen.quant.word32 import smmul, wrap

GREATEST_EXPONENT = 21
"""Largest e for which a constant channel's c0 stays within int32."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Linear(Form):
    """Constants of form A; arrays are int64 [channels].

    Attributes:
        k: left shift of the accumulator, one for the layer.
        e: right shift of the saturation, one for the layer.
        factor: what the kernel's accumulator is a multiple of: factor * acc.
        c0: int32, added after the left shift.
        multiplier: M, in (0, 2**31).
        c0_min: least admissible c0 with this M.
        c0_max: greatest admissible c0 with this M.
        saturation: what follows the right shift.
    """

    k: int
    e: int
    factor: int
    c0: Int64
    multiplier: Int64
    c0_min: Int64
    c0_max: Int64
    saturation: Saturation


@dataclass(frozen=True)
class _Window:
    """Conditions on c0: at least `least`, set by step v `floor`; at most `most`, by `ceiling`."""

    least: Int64
    most: Int64
    floor: Int64
    ceiling: Int64


class _Conditions:
    """The scaled thresholds of some channels, and the c0 they admit for given multipliers."""

    def __init__(self, channels: Channels, k: int, e: int, factor: int) -> None:
        t = channels.thresholds
        self.from_ = np.where(t <= channels.acc_max[:, np.newaxis], (t * factor) << k, FAR)
        self.before = np.where(t > channels.acc_min[:, np.newaxis], ((t - 1) * factor) << k, -FAR)
        self.targets = np.arange(1, channels.steps + 1, dtype=np.int64) << (32 + e)
        self.one = float(1 << (32 + e))

    def window(self, rows: Int64, multiplier: Int64) -> _Window:
        """The admissible c0 of channels `rows`."""
        first = -((-self.targets) // multiplier[:, np.newaxis])
        over, under = first - self.from_[rows], first - 1 - self.before[rows]
        floor, ceiling = over.argmax(axis=1), under.argmin(axis=1)
        at = np.arange(rows.size)
        return _Window(over[at, floor], under[at, ceiling], floor, ceiling)

    def attempt(self, rows: Int64, multiplier: Int64) -> Trial:
        """See `solve_search.search`."""
        window = self.window(rows, multiplier)
        gap, pair = window.least - window.most, window.floor - window.ceiling
        # In 1 / M, the gap of one pair is a line with slope pair * one.
        with np.errstate(divide="ignore", invalid="ignore"):
            target = self.one / (self.one / multiplier - gap / pair)
        return Trial(gap <= 0, pair > 0, np.where(target > 0, target, 2.0**32))


def solve_linear(channels: Channels, k: int, e: int = 16, factor: int = 1) -> Linear:
    """Finds c0 and M of form A for given shifts.

    Channels that overflow, (max|acc| * factor << k) + |c0| >= 2**31, or that have no solution
    are marked in `solved`.

    Args:
        channels: the exact requantisation.
        k: left shift, 0 or more.
        e: right shift, 0 to 21.
        factor: the kernel's accumulators are factor * acc (Winograd's scale).
    """
    if not 0 <= e <= GREATEST_EXPONENT or k < 0 or factor < 1:
        raise ValueError(f"form A takes no k = {k}, e = {e}, factor = {factor}")
    count = channels.count
    reach = channels.magnitude * factor
    small = reach <= INT32_MAX >> k
    room = INT32_MAX - (np.where(small, reach, 0) << k)
    rows = np.flatnonzero(channels.live & small)
    live = channels.select(rows)
    multiplier, solved = np.zeros(count, np.int64), channels.constant.copy()
    c0_min, c0_max = np.zeros(count, np.int64), np.zeros(count, np.int64)
    if rows.size:
        conditions = _Conditions(live, k, e, factor)
        found, good = search(live.scale * 2.0 ** (32 + e - k) / factor, conditions.attempt)
        window = conditions.window(np.arange(rows.size), found)
        least = np.maximum(window.least, -room[rows])
        most = np.minimum(window.most, room[rows])
        multiplier[rows], solved[rows] = found, good & (least <= most)
        c0_min[rows], c0_max[rows] = least, most
    flat = channels.constant
    multiplier[flat] = 1 << 30
    # Any x in [v, v + 1) * 2**(e + 2) gives v.
    c0_min[flat] = channels.constant_v[flat] << (e + 2)
    c0_max[flat] = c0_min[flat] + (1 << (e + 2)) - 1
    form = Linear(
        k=k,
        e=e,
        factor=factor,
        c0=np.where(solved, (c0_min + c0_max) >> 1, 0),
        multiplier=np.where(solved, multiplier, 0),
        c0_min=np.where(solved, c0_min, 0),
        c0_max=np.where(solved, c0_max, 0),
        constant=flat,
        solved=solved,
        saturation=saturation(channels.low, channels.high),
    )
    top = _unsaturated(form, reachable_ends(channels, form)).max(initial=0)
    return replace(form, saturation=saturation(channels.low, channels.high, int(top)))


def _unsaturated(form: Linear, acc: Int64) -> Int64:
    column = np.s_[:, np.newaxis]
    x = wrap(wrap(acc * form.factor << form.k) + form.c0[column])
    return smmul(x, form.multiplier[column]) >> form.e


def apply_linear(form: Linear, acc: Int64) -> Int64:
    """Outputs u of raw accumulators [channels, points], computed as the kernel does."""
    return form.saturation.apply(_unsaturated(form, acc))


def prove_linear(channels: Channels, form: Linear) -> Bools:
    """Which channels are exact for every reachable accumulator.

    Monotone: x rises with acc because neither the shift nor the sum overflows, SMMUL with M > 0
    and the shift are floors of it, and saturation keeps order.
    """
    ends = reachable_ends(channels, form)
    safe = scaled_fits(ends, form.factor << form.k, form.c0)
    safe &= (form.multiplier > 0) & (form.multiplier <= INT32_MAX)
    breaks = np.zeros((channels.count, 0), np.int64)
    return safe & form.solved & agrees(channels, form, lambda a: apply_linear(form, a), breaks)

"""Requantisation of nearly dead channels: few thresholds leave the slope of form A free.

A channel of tiny scale has a large bias, and c0 = (bias + rounding) << k may not fit int32, though
its output takes two or three values only. So few thresholds do not pin the slope: a greater M gives
the same outputs with a smaller c0. A linear channel also serves in a layer of the two-branch form:
with both offsets 0, SMMLA is SMMUL.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np

from edgegen.quant.fixed_point import INT32_MAX, Int64
from edgegen.quant.form import saturation
from edgegen.quant.solve_branch import Branches, solve_two_branch
from edgegen.quant.solve_linear import Linear, solve_linear
from edgegen.quant.solver import Shifts, admissible, prove
from edgegen.quant.staircase import Channels

_SLOPES = np.unique(np.geomspace(256, INT32_MAX, 256).astype(np.int64))
_PAIRS = 4
"""Shifts tried."""


def free_slope_forms(channels: Channels, shifts: Shifts) -> Iterator[Linear | Branches]:
    """Proved forms that serve all channels of a layer, cheapest first."""
    for k, e in islice(admissible(channels, shifts), _PAIRS):
        linear = free_slopes(channels, solve_linear(channels, k, e))
        branches = _with_linear(solve_two_branch(channels, k, e), linear, channels)
        for form in (linear, branches):
            if form.complete and bool(prove(channels, form).all()):
                yield form


def free_slopes(channels: Channels, form: Linear) -> Linear:
    """Solves channels that `form` leaves unsolved with slopes of their own, where that works."""
    c0, multiplier, solved = form.c0.copy(), form.multiplier.copy(), form.solved.copy()
    open_ = channels.live & ~form.solved & (channels.magnitude <= INT32_MAX >> form.k)
    for row in np.flatnonzero(open_):
        found = _solve(channels.select(np.array([row])), form.k, form.e)
        if found is not None:
            (c0[row], multiplier[row]), solved[row] = found, True
    return replace(
        form,
        c0=c0,
        multiplier=multiplier,
        c0_min=np.where(open_, c0, form.c0_min),
        c0_max=np.where(open_, c0, form.c0_max),
        solved=solved,
        # The greatest value before saturation is another one now.
        saturation=saturation(channels.low, channels.high),
    )


def _solve(channel: Channels, k: int, e: int) -> tuple[int, int] | None:
    """The c0 and M of one channel that leave c0 the widest range."""
    t = channel.thresholds[0]
    targets = np.arange(1, channel.steps + 1, dtype=np.int64) << (32 + e)
    # The least x that gives at least v, for each slope.
    first: Int64 = -((-targets) // _SLOPES[:, np.newaxis])
    reached, missed = t <= channel.acc_max, t > channel.acc_min
    room = INT32_MAX - (int(channel.magnitude[0]) << k)
    least = (first - (t << k))[:, reached].max(axis=1, initial=-room)
    most = (first - 1 - ((t - 1) << k))[:, missed].min(axis=1, initial=room)
    best = int((most - least).argmax())
    if least[best] > most[best]:
        return None
    return int(least[best] + most[best]) >> 1, int(_SLOPES[best])


def _with_linear(form: Branches, linear: Linear, channels: Channels) -> Branches:
    """A two-branch form that takes channels from a linear one where it has no solution."""
    taken = linear.solved & ~form.solved
    return replace(
        form,
        b=np.where(taken, linear.c0, form.b),
        multiplier=np.where(taken, linear.multiplier, form.multiplier),
        plus=np.where(taken, 0, form.plus),
        minus=np.where(taken, 0, form.minus),
        solved=form.solved | taken,
        saturation=saturation(channels.low, channels.high),
    )

"""Newton's method on multipliers, for many channels at once.

For a multiplier M, the offsets that meet all lower conditions (the output is at least v from T_v
on) start at L(M), and those that meet all upper conditions (it is below v before) end at H(M). The
gap L - H is a maximum of functions, one for each pair of conditions, that are straight lines in M
or in 1/M. It is therefore convex, and the pair that attains it tells on which side of M solutions
lie and where this pair would stop being violated. A solution is usually there at the first M, or a
few steps on; when the bracket is empty, there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgegen.quant.fixed_point import INT32_MAX, Int64
from edgegen.quant.staircase import Bools

FAR = np.int64(1 << 61)
"""Beyond every offset, small enough to be added to one."""

LEAST_MULTIPLIER = 256
"""Smaller ones are too coarse to be worth trying, and their quotients may overflow int64."""

GREATEST_MULTIPLIER = INT32_MAX


@dataclass(frozen=True)
class Trial:
    """How one multiplier of each channel did.

    Attributes:
        solved: channels that have an admissible offset.
        rising: where solutions, if any, lie at greater multipliers.
        target: where the worst pair of conditions would be met.
    """

    solved: Bools
    rising: Bools
    target: npt.NDArray[np.float64]


def search(
    start: npt.NDArray[np.float64],
    attempt: Callable[[Int64, Int64], Trial],
    *,
    tries: int = 24,
    greatest: int = GREATEST_MULTIPLIER,
) -> tuple[Int64, Bools]:
    """Finds a multiplier with an admissible offset for each channel.

    Args:
        start: a first guess for each channel.
        attempt: called with the indices of unsolved channels and their multipliers.
        tries: trials for each channel, at most.
        greatest: largest multiplier.

    Returns:
        The multipliers and which of them are solutions.
    """
    low = np.full(start.size, LEAST_MULTIPLIER, np.int64)
    high = np.full(start.size, greatest, np.int64)
    multiplier = _nearest(start, low, high)
    solved = np.zeros(start.size, bool)
    rows = np.arange(start.size)
    for _ in range(tries):
        if not rows.size:
            break
        trial = attempt(rows, multiplier[rows])
        solved[rows] = trial.solved
        open_ = ~trial.solved
        rows, rising, target = rows[open_], trial.rising[open_], trial.target[open_]
        now = multiplier[rows]
        low[rows] = np.where(rising, now + 1, low[rows])
        high[rows] = np.where(rising, high[rows], now - 1)
        left = low[rows] <= high[rows]
        rows, target = rows[left], target[left]
        multiplier[rows] = _nearest(target, low[rows], high[rows])
    return multiplier, solved


def _nearest(target: npt.NDArray[np.float64], low: Int64, high: Int64) -> Int64:
    finite = np.clip(np.nan_to_num(target), 0.0, 2.0**32)
    return np.clip(np.rint(finite).astype(np.int64), low, high)


class Region:
    """A range of accumulators whose outputs come from one straight line, offset last.

    The kernel's value is (r + (x * M >> drop)) >> e with x = (acc + base) * unit; thresholds
    inside the range bound r from both sides. `targets` are v << e for v = 1..steps, and the bounds
    of every row are straight lines in M.
    """

    def __init__(
        self,
        thresholds: Int64,
        first: Int64,
        last: Int64,
        base: Int64,
        unit: int,
        targets: Int64,
        drop: int,
    ) -> None:
        first, last = first[:, np.newaxis], last[:, np.newaxis]
        t = np.clip(thresholds, first, np.maximum(last + 1, first))
        some = first <= last
        self.reached = some & (t <= last)
        self.missed = some & (t > first)
        # Points outside the range would be meaningless and might overflow.
        x = (t + base[:, np.newaxis]) * unit
        self.x_reached = np.where(self.reached, x, 0)
        self.x_missed = np.where(self.missed, x - unit, 0)
        self.targets = np.broadcast_to(targets, t.shape)
        self.drop = drop

    def bounds(self, rows: Int64, multiplier: Int64) -> tuple[Int64, Int64, Int64]:
        """Least and most offset of some rows, and the x between the two worst points."""
        m, goal = multiplier[:, np.newaxis], self.targets[rows]
        x_up, x_down = self.x_reached[rows], self.x_missed[rows]
        least = np.where(self.reached[rows], goal - ((x_up * m) >> self.drop), -FAR)
        most = np.where(self.missed[rows], goal - 1 - ((x_down * m) >> self.drop), FAR)
        up, down = least.argmax(axis=1), most.argmin(axis=1)
        at = np.arange(rows.size)
        return least[at, up], most[at, down], x_up[at, up] - x_down[at, down]


def attempt_regions(regions: list[Region], rows: Int64, multiplier: Int64) -> Trial:
    """A `Trial` of multipliers that several regions share, each with an offset of its own."""
    gaps, spans = [], []
    for region in regions:
        least, most, span = region.bounds(rows, multiplier)
        gaps.append(least - most)
        spans.append(span)
    gap = np.stack(gaps)
    worst = gap.argmax(axis=0)
    at = np.arange(rows.size)
    span = np.stack(spans)[worst, at]
    with np.errstate(divide="ignore", invalid="ignore"):
        move = gap[worst, at] * float(1 << regions[0].drop) / span
    return Trial(gap[worst, at] <= 0, span > 0, multiplier + move)


def middle(least: Int64, most: Int64) -> Int64:
    """An offset between two bounds, at the only one where the other is missing."""
    inner = np.where(least <= -FAR, most, np.where(most >= FAR, least, (least + most) >> 1))
    return np.where((least <= -FAR) & (most >= FAR), 0, inner)

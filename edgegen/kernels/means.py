"""Means with solved constants: from the sum of a window's bytes to the rounded, clamped mean.

The division by the number of values, the offset of 128 of every byte, the rounding and the output's
zero point are one multiplication, (sum << k) + c0 times M, shifted right by 48 in all. Windows with
different numbers of values (at borders) are like channels of a layer: constants of their own, the
same k.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from edgegen.kernels.solved import Solved, solve_layer
from edgegen.quant.fixed_point import Int64, Multiplier, quantize_multiplier
from edgegen.quant.solver import Shifts
from edgegen.quant.staircase import Bools, Channels

E = 16
"""Right shift: two means are packed by PKHTB and saturated together."""

SHIFTS = Shifts(range(22, -1, -1), (E,))


@dataclass(frozen=True, eq=False)
class Averages(Channels):
    """AVERAGE_POOL_2D: windows of `values` bytes u = q + 128, one channel for each number of them.

    Source: `reference/integer_ops/pooling.h` AveragePool: the mean of q, halves away from zero.
    """

    values: Int64 = field(default_factory=lambda: np.ones(1, np.int64))

    @classmethod
    def over(cls, values: tuple[int, ...], low: int, high: int) -> Averages:
        """Means of so many values, clamped to [low, high]."""
        count = np.array(values, np.int64)
        near = [quantize_multiplier(1.0 / n) for n in values]
        zero = np.zeros_like(count)
        mantissa, shift = (
            np.array([getattr(m, name) for m in near], np.int64) for name in ("mantissa", "shift")
        )
        return cls(mantissa, shift, zero, zero, 255 * count, 0, low, high, count)

    def select(self, chosen: Bools | Int64) -> Averages:
        """See `Channels.select`."""
        part = super().select(chosen)
        assert isinstance(part, Averages)
        return replace(part, values=self.values[chosen])

    def exact(self, acc: Int64) -> Int64:
        """See `Channels.exact`."""
        count = self.values[:, np.newaxis]
        total = acc - 128 * count
        mean = np.sign(total) * ((np.abs(total) + count // 2) // count)
        clamped: Int64 = np.clip(mean, self.low, self.high) + 128
        return clamped

    @cached_property
    def thresholds(self) -> Int64:
        """See `Channels.thresholds`."""
        q = np.arange(1, self.steps + 1) + self.low
        count = self.values[:, np.newaxis]
        # A positive mean is reached half a step before, a negative one left half a step after.
        total = np.where(q > 0, q * count - count // 2, (q - 1) * count + count // 2 + 1)
        return np.clip(total + 128 * count, 0, self.acc_max[:, np.newaxis] + 1)


class _Scaled(Channels):
    """MEAN: its mantissas are quotients and may have 30 bits."""

    def __post_init__(self) -> None:
        """Accepts them; nothing in the derivations needs the 31st bit."""


@functools.lru_cache(maxsize=256)
def solve_averages(values: tuple[int, ...], low: int, high: int) -> Solved | None:
    """Constants of means of so many values, in this order; None where there are none."""
    return _usable(solve_layer(Averages.over(values, low, high), SHIFTS, ("linear",)))


@functools.lru_cache(maxsize=256)
def solve_mean(count: int, zero_points: tuple[int, int], multiplier: Multiplier) -> Solved | None:
    """Constants of MEAN over `count` values, or None where there are none.

    Args:
        count: values of a mean.
        zero_points: of input and output.
        multiplier: from a sum of input steps to output steps.
    """
    source, target = zero_points
    channels = _Scaled.of(
        multiplier.mantissa,
        multiplier.shift,
        -(source + 128) * count,
        (0, 255 * count),
        (target, -128, 127),
    )
    return _usable(solve_layer(channels, SHIFTS, ("linear",)))


def _usable(solved: Solved | None) -> Solved | None:
    """Leaves out constants, which would need zeroed inputs."""
    return None if solved is None or bool(solved.constant.any()) else solved

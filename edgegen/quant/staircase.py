"""What a requantised channel computes: a staircase of the accumulator, given by its thresholds.

A channel turns an accumulator `acc` (no bias yet) into

    q = clamp(zero_point + multiply(acc + bias, mantissa, shift), low, high)

with TFLite's double rounding (`fixed_point.multiply`). As long as nothing wraps, q never falls
when acc rises, so that the channel is fully described by at most 255 thresholds: T_v is the least
accumulator whose output is at least v steps above the low clamp. Here v = q - low; kernels store
u = q + 128, hence u = v + low + 128 and, without a narrowing clamp, u = v.

Why the thresholds have a closed form: with x = (acc + bias) * 2**left, the first rounding is
h = floor((x * mantissa + 2**30) / 2**31) for both signs, and the second, for a right shift r > 0,
is (h + 2**(r-1) - [h < 0]) >> r. So an output of at least n (before the zero point) needs
h >= n * 2**r - 2**(r-1), plus one where n <= 0, and both floors invert by a rounded-up division.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from edgegen.quant.fixed_point import INT32_MAX, INT32_MIN, Int64, multiply

Bools = npt.NDArray[np.bool_]
Form = Callable[[Int64], Int64]
"""A requantisation: accumulators [channels, points] to u = q + 128 of the same shape."""


def accumulator_range(
    weights: npt.ArrayLike, low: npt.ArrayLike = 0, high: npt.ArrayLike = 255
) -> tuple[Int64, Int64]:
    """Least and greatest sum(w * u) of each channel, for inputs u = q + 128 in [low, high].

    While 0 lies in every input's range, all partial sums lie in the result too, in any order of
    summation.

    Args:
        weights: [channels, taps] integers.
        low: least input, one or [taps].
        high: greatest input, one or [taps].
    """
    w = np.asarray(weights, np.int64)
    one, other = w * np.asarray(low, np.int64), w * np.asarray(high, np.int64)
    least: Int64 = np.minimum(one, other).sum(axis=1)
    greatest: Int64 = np.maximum(one, other).sum(axis=1)
    return least, greatest


@dataclass(frozen=True)
class Saturation:
    """What follows the last shift: u = min(USAT(x, bits), ceiling) + offset.

    The usual 0..255 is USAT #8 alone. A low clamp above -128 costs the addition (an ORR where the
    bits do not overlap), a high clamp below 127 the minimum, unless the span is 2**bits.

    Attributes:
        bits: width of the unsigned saturation.
        ceiling: highest v, or None where no accumulator gets above it.
        offset: u of v = 0.
    """

    bits: int
    ceiling: int | None
    offset: int

    def apply(self, x: Int64) -> Int64:
        """Saturates x as the instructions do."""
        v = np.clip(x, 0, (1 << self.bits) - 1)
        return (v if self.ceiling is None else np.minimum(v, self.ceiling)) + self.offset


def saturation(low: int, high: int, greatest: int | None = None) -> Saturation:
    """How to clamp q to [low, high].

    Args:
        low: least q.
        high: greatest q.
        greatest: the greatest v before saturation if it is known.
    """
    steps = high - low
    bits = max(steps.bit_length(), 1)
    if steps != (1 << bits) - 1:
        bits = 8
    free = steps == (1 << bits) - 1 or (greatest is not None and greatest <= steps)
    return Saturation(bits, None if free else steps, low + 128)


@dataclass(frozen=True)
class Channels:
    """The exact requantisation of a layer's output channels.

    All arrays are int64 of one length. The bias belongs to sums over u = q + 128, that is
    bias - (128 + input zero point) * sum(w).

    Attributes:
        mantissa: Q31 mantissas, 0 or in [2**30, 2**31).
        shift: exponents in [-31, 30], left when positive.
        bias: int32 values, added to the accumulator.
        acc_min: least accumulator that can occur, without bias.
        acc_max: greatest accumulator that can occur, without bias.
        zero_point: of the output.
        low: least output after the fused activation, in [-128, high].
        high: greatest output after the fused activation, at most 127.
    """

    mantissa: Int64
    shift: Int64
    bias: Int64
    acc_min: Int64
    acc_max: Int64
    zero_point: int = -128
    low: int = -128
    high: int = 127

    def __post_init__(self) -> None:
        arrays = (self.mantissa, self.shift, self.bias, self.acc_min, self.acc_max)
        if any(a.dtype != np.int64 or a.shape != (self.count,) for a in arrays):
            raise ValueError("channel constants must be int64 arrays of one length")
        normal = (self.mantissa == 0) | ((self.mantissa >= 1 << 30) & (self.mantissa <= INT32_MAX))
        if not (normal & (self.shift >= -31) & (self.shift <= 30)).all():
            raise ValueError("a multiplier is not normalised")
        if (self.acc_min > self.acc_max).any() or not -128 <= self.low <= self.high <= 127:
            raise ValueError("an accumulator or output range is empty or too wide")
        if max(np.abs(a).max(initial=0) for a in arrays) > 1 << 32:
            raise ValueError("a bias or an accumulator is beyond any 32-bit sum")

    @property
    def count(self) -> int:
        """Number of channels."""
        return int(self.mantissa.size)

    @property
    def steps(self) -> int:
        """Greatest v, 0 to 255."""
        return self.high - self.low

    @property
    def scale(self) -> npt.NDArray[np.float64]:
        """Output steps per unit of the accumulator, exact."""
        return np.ldexp(self.mantissa.astype(np.float64), self.shift - 31)

    @property
    def left(self) -> Int64:
        """Left shift of the multiplication, 0 or more."""
        return np.maximum(self.shift, 0)

    @property
    def right(self) -> Int64:
        """Right shift of the multiplication, 0 or more."""
        return np.maximum(-self.shift, 0)

    @property
    def magnitude(self) -> Int64:
        """Greatest absolute accumulator, without bias."""
        return np.maximum(np.abs(self.acc_min), np.abs(self.acc_max))

    def select(self, chosen: Bools | Int64) -> Channels:
        """Some of the channels."""
        return Channels(
            self.mantissa[chosen],
            self.shift[chosen],
            self.bias[chosen],
            self.acc_min[chosen],
            self.acc_max[chosen],
            self.zero_point,
            self.low,
            self.high,
        )

    def exact(self, acc: Int64) -> Int64:
        """The reference: u = q + 128 of accumulators [channels, points]."""
        column = np.s_[:, np.newaxis]
        total = (acc + self.bias[column]).astype(np.int32)
        q = multiply(total, self.mantissa[column], self.shift[column]) + self.zero_point
        return np.clip(q, self.low, self.high) + 128

    @cached_property
    def monotone(self) -> Bools:
        """Channels whose sum and left shift stay within int32, so that no input wraps."""
        least = (self.acc_min + self.bias) << self.left
        greatest = (self.acc_max + self.bias) << self.left
        return (least >= INT32_MIN) & (greatest <= INT32_MAX)

    @cached_property
    def thresholds(self) -> Int64:
        """T_v for v = 1..steps, [channels, steps], limited to [acc_min, acc_max + 1].

        T_v <= acc_min says that every accumulator gives at least v; T_v = acc_max + 1, that none
        does. Values of channels that are not monotone mean nothing.
        """
        n = np.arange(1, self.steps + 1) + (self.low - self.zero_point)
        column = np.s_[:, np.newaxis]
        right = self.right[column]
        h = (n << right) - ((1 << right) >> 1) + ((n <= 0) & (right > 0))
        # |h| never exceeds 2**31, so that bounds beyond it can be moved there: the product fits.
        h = np.clip(h, INT32_MIN, INT32_MAX + 1)
        x = -(((1 << 30) - (h << 31)) // np.maximum(self.mantissa, 1)[column])
        least = -((-x) >> self.left[column]) - self.bias[column]
        never = self.acc_max[column] + 1
        zero = np.where(n <= 0, self.acc_min[column], never)
        least = np.where(self.mantissa[column] == 0, zero, least)
        return np.clip(least, self.acc_min[column], never)

    @cached_property
    def constant(self) -> Bools:
        """Channels with one and the same output for every accumulator."""
        u = self.exact(np.stack([self.acc_min, self.acc_max], axis=1))
        return self.monotone & (u[:, 0] == u[:, 1])

    @cached_property
    def constant_v(self) -> Int64:
        """The output of constant channels as v = q - low; others: that of acc_min."""
        return self.exact(self.acc_min[:, np.newaxis])[:, 0] - (self.low + 128)

    @cached_property
    def live(self) -> Bools:
        """Channels that need solving: monotone and not constant."""
        return self.monotone & ~self.constant

    def saturation(self, greatest: int | None = None) -> Saturation:
        """How to clamp to this layer's range.

        Args:
            greatest: the greatest v before saturation if it is known.
        """
        return saturation(self.low, self.high, greatest)


def agrees(channels: Channels, form: Form, breaks: Int64, constant: Bools) -> Bools:
    """Proves which channels of a form equal the exact requantisation for every accumulator.

    Both functions are evaluated at the ends of the range, on both sides of every threshold, and
    on both sides of every break. They are monotone between breaks: the reference because nothing
    wraps in it (`Channels.monotone`) and floors and clamps keep order; the form because its author
    shows so. Equal values at two points where the reference has one value force equality between
    them. That the reference does have one value between neighbouring points is checked as well,
    so that nothing depends on how the thresholds were found.

    Args:
        channels: the reference.
        form: what the kernel computes.
        breaks: [channels, n]; first accumulators of the pieces on which the form is monotone.
        constant: channels whose weights the packer zeroes, whose accumulator is thus always 0.
    """
    first, last = channels.acc_min[:, np.newaxis], channels.acc_max[:, np.newaxis]
    sign = -channels.bias[:, np.newaxis]
    edges = np.concatenate([channels.thresholds, breaks, sign], axis=1)
    points = np.clip(np.concatenate([edges - 1, edges, first, last], axis=1), first, last)
    points.sort(axis=1)
    exact = channels.exact(points)
    flat = (np.diff(points, axis=1) <= 1) | (np.diff(exact, axis=1) == 0)
    zero = constant[:, np.newaxis]
    same = form(np.where(zero, 0, points)) == exact
    fixed = ~zero | (exact == exact[:, :1])
    result: Bools = channels.monotone & flat.all(axis=1) & same.all(axis=1) & fixed.all(axis=1)
    return result

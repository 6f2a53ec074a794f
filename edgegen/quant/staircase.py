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

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from edgegen.quant.fixed_point import INT32_MAX, INT32_MIN, Int64, multiply

Bools = npt.NDArray[np.bool_]


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


@dataclass(frozen=True, eq=False)
class Channels:
    """The exact requantisation of a layer's output channels.

    All arrays are int64 of one length. The bias belongs to sums over u = q + 128, that is
    bias - (128 + input zero point) * sum(w).

    Attributes:
        mantissa: Q31 mantissas in [0, 2**31).
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

    @classmethod
    def of(
        cls,
        mantissa: npt.ArrayLike,
        shift: npt.ArrayLike,
        bias: npt.ArrayLike,
        acc_range: tuple[npt.ArrayLike, npt.ArrayLike],
        output: tuple[int, int, int] = (-128, -128, 127),
    ) -> Channels:
        """Channels from numbers or sequences, broadcast to one length.

        Args:
            mantissa: see above, like the next two.
            shift: exponents.
            bias: folded biases.
            acc_range: least and greatest accumulators.
            output: zero point, least and greatest q.
        """
        values = [
            np.atleast_1d(np.asarray(v, np.int64)) for v in (mantissa, shift, bias, *acc_range)
        ]
        arrays = [np.array(v) for v in np.broadcast_arrays(*values)]
        return cls(arrays[0], arrays[1], arrays[2], arrays[3], arrays[4], *output)

    def __post_init__(self) -> None:
        arrays = (self.mantissa, self.shift, self.bias, self.acc_min, self.acc_max)
        if any(a.dtype != np.int64 or a.shape != (self.count,) for a in arrays):
            raise ValueError("channel constants must be int64 arrays of one length")
        mantissas = (self.mantissa >= 0) & (self.mantissa <= INT32_MAX)
        if not (mantissas & (self.shift >= -31) & (self.shift <= 30)).all():
            raise ValueError("a multiplier is out of range")
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

    def padded(self, multiple: int) -> Channels:
        """Appends dummy channels, whose accumulator is 0, up to a multiple of a block."""
        extra = np.zeros(-self.count % multiple, np.int64)

        def fill(values: Int64) -> Int64:
            return np.concatenate([values, extra])

        return replace(
            self,
            mantissa=fill(self.mantissa),
            shift=fill(self.shift),
            bias=fill(self.bias),
            acc_min=fill(self.acc_min),
            acc_max=fill(self.acc_max),
        )

    def select(self, chosen: Bools | Int64) -> Channels:
        """Some of the channels."""
        return replace(
            self,
            mantissa=self.mantissa[chosen],
            shift=self.shift[chosen],
            bias=self.bias[chosen],
            acc_min=self.acc_min[chosen],
            acc_max=self.acc_max[chosen],
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
        above: Bools = self.acc_min + self.bias >= INT32_MIN >> self.left
        return above & (self.acc_max + self.bias <= INT32_MAX >> self.left)

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
        same: Bools = u[:, 0] == u[:, 1]
        return self.monotone & same

    @cached_property
    def constant_v(self) -> Int64:
        """The output of constant channels as v = q - low; others: that of acc_min."""
        return self.exact(self.acc_min[:, np.newaxis])[:, 0] - (self.low + 128)

    @cached_property
    def live(self) -> Bools:
        """Channels that need solving: monotone and not constant."""
        return self.monotone & ~self.constant

"""Element-wise operators of two int8 tensors: ADD and SUB as two products, MUL as form A to C.

TFLite adds by scaling both inputs to a common scale (each rounded twice) and rounding the sum
twice again. For most scales one linear expression gives the same bytes,

    u = USAT((C + A1 * u1 + A2 * u2) >> shift),    two MLA and a USAT,

which 65536 pairs prove. Ties, frequent where scales are in simple ratios, go away from zero in
TFLite; factors a little too large do the same. A few scales remain for which no such expression
exists; then there are two tables of scaled inputs, whose sum is requantised like an accumulator.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edgegen.quant.fixed_point import INT32_MAX, INT32_MIN, Int64, Multiplier, multiply_by
from edgegen.quant.form import Saturation, saturation
from edgegen.quant.solve_search import FAR, middle
from edgegen.quant.staircase import Channels
from edgegen.quant.word32 import wrap

SHIFTS = (22, 23, 21, 20, 19, 18)
"""Tried in this order: 22 leaves room for ratios up to about 3.5; finer is better where it fits."""

TRIES = 30

TILTS = (0, 1, 2, 4, 8)
"""What the larger factor of a start exceeds its ratio by, in units of 2**-shift."""


@dataclass(frozen=True)
class Sum:
    """TFLite's int8 ADD or SUB.

    Source: TFLite `reference/integer_ops/add.h` (AddFunc) and `kernels/add.cc`.

    Attributes:
        zero_points: of the inputs.
        multipliers: of the inputs.
        output: multiplier of the sum.
        zero_point: of the output.
        low: least output after the fused activation.
        high: greatest output after the fused activation.
        left_shift: of both inputs after their zero points, 20 for int8.
        sign: 1 adds the second input, -1 subtracts it.
    """

    zero_points: tuple[int, int]
    multipliers: tuple[Multiplier, Multiplier]
    output: Multiplier
    zero_point: int
    low: int = -128
    high: int = 127
    left_shift: int = 20
    sign: int = 1

    @property
    def ratios(self) -> tuple[float, float]:
        """Output steps per step of each input."""
        common = self.output.real * 2.0**self.left_shift
        one, other = self.multipliers
        return one.real * common, self.sign * other.real * common

    @cached_property
    def tables(self) -> tuple[Int64, Int64]:
        """Scaled inputs for u = 0..255, int32: what TFLite adds up."""
        q = np.arange(-128, 128)
        one, other = (
            multiply_by((q - z) << self.left_shift, m)
            for z, m in zip(self.zero_points, self.multipliers, strict=True)
        )
        return one, self.sign * other

    @cached_property
    def channel(self) -> Channels:
        """The requantisation of a sum of two table entries."""
        one, other = self.tables
        limits = (int(one.min() + other.min()), int(one.max() + other.max()))
        target = (self.zero_point, self.low, self.high)
        return Channels.of(self.output.mantissa, self.output.shift, 0, limits, target)

    @cached_property
    def exact(self) -> Int64:
        """Outputs u = q + 128 of every pair, [256, 256]."""
        one, other = self.tables
        total = one[:, np.newaxis] + other
        return self.channel.exact(total.reshape(1, -1)).reshape(256, 256)


@dataclass(frozen=True)
class TwoProducts:
    """Constants of an addition: u = USAT((C + A1 * u1 + A2 * u2) >> shift).

    Attributes:
        factors: A1 and A2, int32.
        c: C, int32. Added up in the order of the formula, nothing overflows.
        shift: right shift of the saturation.
        saturation: what follows the shift.
    """

    factors: tuple[int, int]
    c: int
    shift: int
    saturation: Saturation


@dataclass(frozen=True, eq=False)
class _Conditions:
    """What bounds C for given factors: pairs that reach a step, and pairs that miss the next.

    Attributes:
        reached: input pairs with v > 0, [n, 2].
        least: v << shift of these.
        missed: input pairs with v < steps, [n, 2].
        most: greatest sums before v + 1 of these.
    """

    reached: Int64
    least: Int64
    missed: Int64
    most: Int64

    @classmethod
    def of(cls, operator: Sum, shift: int) -> _Conditions:
        """The conditions of all 65536 pairs."""
        pairs = np.indices((256, 256), np.int64).reshape(2, -1).T
        v = operator.exact.ravel() - (operator.low + 128)
        some, more = v > 0, v < operator.high - operator.low
        return cls(pairs[some], v[some] << shift, pairs[more], ((v[more] + 1) << shift) - 1)

    def bounds(self, factors: Int64) -> tuple[int, int, Int64]:
        """Least and most C, and the difference between the two pairs that set them."""
        least, most = self.least - self.reached @ factors, self.most - self.missed @ factors
        if not least.size or not most.size:
            up = int(least.max(initial=-FAR))
            return up, int(most.min(initial=FAR)), np.zeros(2, np.int64)
        up, down = int(least.argmax()), int(most.argmin())
        return int(least[up]), int(most[down]), self.reached[up] - self.missed[down]

    def near(self, factors: Int64, slack: int) -> _Conditions:
        """Those that factors close by may violate."""
        least, most = self.least - self.reached @ factors, self.most - self.missed @ factors
        some = least >= least.max(initial=-FAR) - slack
        more = most <= most.min(initial=FAR) + slack
        return _Conditions(self.reached[some], self.least[some], self.missed[more], self.most[more])


def solve_sum(operator: Sum, shifts: tuple[int, ...] = SHIFTS) -> TwoProducts | None:
    """Finds the constants of an addition, or None where it finds none.

    The search follows the worst pair of conditions, like `solve_search`, in two dimensions: the
    gap between least and most C is convex in (A1, A2), and a Polyak step along its gradient closes
    it if that pair stays the worst. It starts from the ratios of the scales, then from slightly
    larger factors: ties that go away from zero look like a line that is a little too steep.
    """
    ratios = np.array(operator.ratios)
    for shift in shifts:
        plain = ratios * 2.0**shift
        conditions = _Conditions.of(operator, shift)
        near = conditions.near(np.rint(plain).astype(np.int64), 1 << (shift - 7))
        for tilt in TILTS:
            real = plain + tilt * ratios / np.abs(ratios).max()
            for _ in range(TRIES):
                factors = np.rint(real).astype(np.int64)
                low, high, way = near.bounds(factors)
                if low <= high:
                    low, high, way = conditions.bounds(factors)
                if low <= high:
                    form = _form(operator, factors, (low, high), shift)
                    if _fits(form):
                        return form
                    break
                # Rounding the factors may take back half a unit in each coordinate.
                gap = float(low - high) + 0.5 * float(np.abs(way).sum())
                real = real + way * (gap / max(float(way @ way), 1.0))
    return None


def _form(operator: Sum, factors: Int64, bounds: tuple[int, int], shift: int) -> TwoProducts:
    c = int(middle(np.array(bounds[0]), np.array(bounds[1])))
    first, second = (int(factor) for factor in factors)
    top = (c + max(255 * first, 0) + max(255 * second, 0)) >> shift
    return TwoProducts((first, second), c, shift, saturation(operator.low, operator.high, top))


def _fits(form: TwoProducts) -> bool:
    """Whether C, C + A1 * u1 and C + A1 * u1 + A2 * u2 are int32 for all inputs."""
    least = greatest = form.c
    inside = True
    for factor in (0, *form.factors):
        least, greatest = least + min(255 * factor, 0), greatest + max(255 * factor, 0)
        inside &= least >= INT32_MIN and greatest <= INT32_MAX
    return inside


def apply_sum(form: TwoProducts, one: Int64, other: Int64) -> Int64:
    """Output u of inputs u1 and u2, computed as the kernel does."""
    first, second = form.factors
    total = wrap(wrap(form.c + first * one) + second * other)
    return form.saturation.apply(total >> form.shift)


def prove_sum(operator: Sum, form: TwoProducts) -> bool:
    """Whether an addition is exact, by all 65536 pairs, and free of overflow."""
    u = np.arange(256, dtype=np.int64)
    same = apply_sum(form, u[:, np.newaxis], u[np.newaxis, :]) == operator.exact
    return _fits(form) and bool(same.all())


def product_channel(
    zero_points: tuple[int, int],
    multiplier: Multiplier,
    output: tuple[int, int, int],
    ranges: tuple[tuple[int, int], tuple[int, int]] = ((0, 255), (0, 255)),
) -> Channels:
    """TFLite's int8 MUL as one channel, whose accumulators are products of two inputs.

    Source: TFLite `reference/integer_ops/mul.h`.

    Args:
        zero_points: z1 and z2; the accumulator is (u1 - 128 - z1) * (u2 - 128 - z2).
        multiplier: of the product.
        output: zero point, least and greatest q.
        ranges: least and greatest u of each input.
    """
    (a, b), (c, d) = (
        (low - 128 - z, high - 128 - z) for (low, high), z in zip(ranges, zero_points, strict=True)
    )
    corners = (a * c, a * d, b * c, b * d)
    limits = (min(corners), max(corners))
    return Channels.of(multiplier.mantissa, multiplier.shift, 0, limits, output)

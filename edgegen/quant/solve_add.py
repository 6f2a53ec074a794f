"""Element-wise operators of two int8 tensors: ADD and SUB as two products, MUL as form A to C.

TFLite adds by scaling both inputs to a common scale (each rounded twice) and rounding the sum
twice again. For most scales one linear expression gives the same bytes,

    u = USAT((C + A1 * u1 + A2 * u2) >> shift),    two MLA and a USAT,

which 65536 pairs prove. Where ties are frequent (scales in simple ratios) TFLite's rounding away
from zero bends the function at zero and no such expression exists; then two tables of scaled inputs
remain, whose sum is requantised like an accumulator.
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

SHIFTS = (22, 21, 20, 19, 18)
"""Tried in this order: finest first, as far as the sum fits 32 bits."""

TRIES = 24


@dataclass(frozen=True)
class Sum:
    """TFLite's int8 ADD or SUB.

    Source: TFLite `reference/integer_ops/add.h` (AddFunc) and `kernels/add.cc`.

    Attributes:
        left_shift: of both inputs after their zero points, 20 for int8.
        zero_points: of the inputs.
        multipliers: of the inputs.
        output: multiplier of the sum.
        zero_point: of the output.
        low: least output after the fused activation.
        high: greatest output after the fused activation.
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


def solve_sum(operator: Sum, shifts: tuple[int, ...] = SHIFTS) -> TwoProducts | None:
    """Finds the constants of an addition, or None where there are none.

    The search follows the worst pair of conditions, like `solve_search`, in two dimensions: the
    gap between least and most C is convex in (A1, A2), and a Polyak step along its gradient closes
    it if that pair stays the worst.
    """
    v = operator.exact - (operator.low + 128)
    steps = operator.high - operator.low
    for shift in shifts:
        factors = np.array(operator.ratios) * 2.0**shift
        for _ in range(TRIES):
            a = np.rint(factors).astype(np.int64)
            plain = _plain(a)
            least = np.where(v > 0, (v << shift) - plain, -FAR)
            most = np.where(v < steps, ((v + 1) << shift) - 1 - plain, FAR)
            up, down = int(least.argmax()), int(most.argmin())
            low, high = int(least.flat[up]), int(most.flat[down])
            if low <= high:
                c = int(middle(np.array(low), np.array(high)))
                top = int(((plain + c) >> shift).max())
                limits = saturation(operator.low, operator.high, top)
                form = TwoProducts((int(a[0]), int(a[1])), c, shift, limits)
                if _fits(form):
                    return form
                break
            way = np.array(divmod(up, 256)) - np.array(divmod(down, 256))
            factors = factors + way * float(low - high) / max(float(way @ way), 1.0)
    return None


def _fits(form: TwoProducts) -> bool:
    """Whether C, C + A1 * u1 and C + A1 * u1 + A2 * u2 are int32 for all inputs."""
    least = greatest = form.c
    inside = True
    for factor in (0, *form.factors):
        least, greatest = least + min(255 * factor, 0), greatest + max(255 * factor, 0)
        inside &= least >= INT32_MIN and greatest <= INT32_MAX
    return inside


def _plain(factors: Int64) -> Int64:
    """A1 * u1 + A2 * u2 of every pair."""
    u = np.arange(256, dtype=np.int64)
    table: Int64 = factors[0] * u[:, np.newaxis] + factors[1] * u
    return table


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

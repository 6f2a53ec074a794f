"""ADD, SUB and MUL of two tensors, against a scalar transcription of TFLite's reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgegen.quant.fixed_point import Multiplier, quantize_multiplier
from edgegen.quant.solve_add import Sum, product_channel, prove_sum, solve_sum
from edgegen.quant.solve_linear import Linear
from edgegen.quant.solver import Shifts, apply, prove, solve

SCALES = (0.03712409, 0.02029871, 0.05320733)


def addition(
    scales: tuple[float, float, float], zero_points: tuple[int, int, int], sign: int = 1
) -> Sum:
    """The multipliers as TFLite's add.cc prepares them."""
    one, other, out = (float(np.float32(s)) for s in scales)
    common = 2 * max(one, other)
    return Sum(
        zero_points=zero_points[:2],
        multipliers=(quantize_multiplier(one / common), quantize_multiplier(other / common)),
        output=quantize_multiplier(common / ((1 << 20) * out)),
        zero_point=zero_points[2],
        sign=sign,
    )


def scalar_multiply(x: int, by: Multiplier) -> int:
    """MultiplyByQuantizedMultiplierSmallerThanOneExp in plain integers."""
    product = x * by.mantissa
    nudge = 1 << 30 if product >= 0 else 1 - (1 << 30)
    quotient = abs(product + nudge) >> 31
    high = quotient if product + nudge >= 0 else -quotient
    power = -by.shift
    mask = (1 << power) - 1
    threshold = (mask >> 1) + (1 if high < 0 else 0)
    return (high >> power) + (1 if (high & mask) > threshold else 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_reference_is_tflites(sign: int) -> None:
    operator = addition((0.037, 0.0201, 0.053), (3, -100, -7), sign)
    rng = np.random.default_rng(0)
    for q1, q2 in [(-128, -128), (127, 127), (127, -128), *rng.integers(-128, 128, (300, 2))]:
        one = scalar_multiply((int(q1) - 3) << 20, operator.multipliers[0])
        other = scalar_multiply((int(q2) + 100) << 20, operator.multipliers[1])
        q = scalar_multiply(one + sign * other, operator.output) - 7
        assert operator.exact[q1 + 128, q2 + 128] == max(-128, min(127, q)) + 128


def test_most_additions_are_two_products() -> None:
    rng = np.random.default_rng(1)
    solved = 0
    for _ in range(30):
        one, other = 2.0 ** rng.uniform(-7, -3, 2)
        out = max(one, other) * 2.0 ** rng.uniform(-0.7, 1.2)
        points = tuple(int(z) for z in rng.integers(-128, 128, 3))
        operator = addition((one, other, out), (points[0], points[1], points[2]))
        form = solve_sum(operator)
        if form is not None:
            assert prove_sum(operator, form)
            solved += 1
    assert solved >= 28


def test_proofs_of_additions_fail_on_any_other_constant() -> None:
    operator = addition(SCALES, (3, -100, -7))
    form = solve_sum(operator)
    assert form is not None
    assert prove_sum(operator, form)
    first, second = form.factors
    slack = 1 << (form.shift - 6)
    for wrong in (
        replace(form, c=form.c + slack),
        replace(form, c=form.c - slack),
        replace(form, factors=(first + slack, second)),
        replace(form, factors=(first, second - slack)),
        replace(form, shift=form.shift - 1),
        # The same bytes, but C + A1 * u1 overflows on the way.
        replace(form, c=form.c + (1 << 31)),
    ):
        assert not prove_sum(operator, wrong)


def test_activations_narrow_the_sum() -> None:
    plain = addition(SCALES, (3, -100, -7))
    for low, high in ((-7, 127), (-7, 100), (-26, 12), (4, 4)):
        operator = replace(plain, low=low, high=high)
        form = solve_sum(operator)
        assert form is not None
        assert prove_sum(operator, form)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    "scales", [(1.0, 1.0, 2.0), (1.0, 2.0, 2.0), (1.0, 0.75, 1.0), (1.0, 5.0, 7.0)]
)
def test_ties_go_away_from_zero_with_slightly_larger_factors(
    scales: tuple[float, float, float], sign: int
) -> None:
    operator = addition(scales, (4, -5, 9), sign)
    form = solve_sum(operator)
    assert form is not None
    assert prove_sum(operator, form)


@pytest.mark.parametrize("sign", [1, -1])
def test_tables_serve_what_two_products_cannot(sign: int) -> None:
    operator = addition((0.037, 0.0201, 0.053), (3, -100, -7), sign)
    assert sign < 0 or solve_sum(operator) is None
    one, other = operator.tables
    total = one[:, np.newaxis] + other
    shifts = Shifts(range(5), range(21, 7, -1))
    form = solve(operator.channel, ("two_branch", "direct"), shifts)
    assert form is not None
    assert prove(operator.channel, form).all()
    u = apply(form, total.reshape(1, -1)).reshape(256, 256)
    assert (u == operator.exact).all()


def test_an_addition_that_overflows_has_no_solution() -> None:
    assert solve_sum(addition((1.0, 1.0, 1.0 / 1024), (0, 0, 0)), (22,)) is None


@pytest.mark.parametrize("zero_points", [(-128, -128, -128), (5, -77, 30)])
def test_products_are_one_channel(zero_points: tuple[int, int, int]) -> None:
    multiplier = quantize_multiplier(0.0123)
    z1, z2, zero_point = zero_points
    output = (zero_point, -128, 127)
    channel = product_channel((z1, z2), multiplier, output)
    form = solve(channel, shifts=Shifts(range(14, -1, -1), (16,)))
    assert form is not None
    assert isinstance(form, Linear) or zero_point > -128
    assert prove(channel, form).all()
    q = np.arange(-128, 128)
    acc = (q[:, np.newaxis] - z1) * (q - z2)
    assert channel.acc_min[0] == acc.min()
    assert channel.acc_max[0] == acc.max()
    u = apply(form, acc.reshape(1, -1)).reshape(256, 256)
    for i, j in np.random.default_rng(2).integers(0, 256, (300, 2)):
        wanted = scalar_multiply(int(acc[i, j]), multiplier) + zero_point
        assert u[i, j] == max(-128, min(127, wanted)) + 128
    narrow = product_channel((z1, z2), multiplier, output, ((10, 20), (0, 3)))
    assert narrow.acc_min[0] == acc[10:21, 0:4].min()
    assert narrow.acc_max[0] == acc[10:21, 0:4].max()

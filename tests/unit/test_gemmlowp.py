"""Fixed-point functions: against real arithmetic, at their edges, and against the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegen.quant.fixed_point import (
    INT32_MAX,
    INT32_MIN,
    Int64,
    doubling_high_multiply,
    rounding_divide_by_pot,
)
from edgegen.quant.gemmlowp import (
    exp_on_negative_values,
    one_over_one_plus_x,
    reciprocal,
    shift_left_saturating,
    softmax_exp,
    softmax_scaling,
)

ONE = 2.0**31


@pytest.mark.parametrize(
    ("x", "bits", "expected"),
    [
        (0, 5, 0),
        (3, 5, 96),
        (-3, 5, -96),
        ((1 << 26) - 1, 5, ((1 << 26) - 1) << 5),
        (1 << 26, 5, INT32_MAX),
        (-(1 << 26) + 1, 5, (-(1 << 26) + 1) << 5),
        # Would fit exactly, but the original saturates all the same: to the same value.
        (-(1 << 26), 5, INT32_MIN),
        (INT32_MIN, 1, INT32_MIN),
        (INT32_MAX, 1, INT32_MAX),
        (7, 0, 7),
    ],
)
def test_shift_left_saturates(x: int, bits: int, expected: int) -> None:
    assert shift_left_saturating(x, bits) == expected


@pytest.mark.parametrize("integer_bits", [0, 1, 2, 3, 4, 5])
def test_exp_is_close_over_the_whole_range(integer_bits: int) -> None:
    raw = np.unique(np.linspace(INT32_MIN, 0, 100_003).astype(np.int64))
    real = np.exp(raw * 2.0 ** (integer_bits - 31))
    assert np.abs(exp_on_negative_values(raw, integer_bits) / ONE - real).max() < 2.0**-22


def test_exp_of_zero_is_the_largest_value() -> None:
    assert exp_on_negative_values(0, 5) == INT32_MAX


def test_exp_of_powers_of_two_uses_their_constants() -> None:
    # exp(-1) is exp(-3/4 - 1/4): every value goes through the series once.
    raw = np.array([-(1 << 26), -(1 << 27), -(1 << 24)])
    expected = np.exp([-1.0, -2.0, -0.25]) * ONE
    np.testing.assert_allclose(exp_on_negative_values(raw, 5), expected, atol=600)


@given(st.integers(INT32_MIN, -1), st.integers(0, 5))
def test_exp_stays_in_range(raw: int, integer_bits: int) -> None:
    assert 0 <= exp_on_negative_values(raw, integer_bits) <= INT32_MAX


def test_exp_keeps_the_shape() -> None:
    assert exp_on_negative_values(np.full((2, 3), -5), 5).shape == (2, 3)


@given(st.integers(0, INT32_MAX))
def test_one_over_one_plus_x_is_close(raw: int) -> None:
    expected = ONE / (1 + raw / ONE)
    assert abs(int(one_over_one_plus_x(raw)) - expected) < 8


def test_one_over_one_plus_x_at_its_ends() -> None:
    low, high = one_over_one_plus_x([0, INT32_MAX]).tolist()
    assert INT32_MAX - 8 < low <= INT32_MAX
    assert abs(high - (1 << 30)) < 8


@given(st.integers(1, INT32_MAX), st.integers(0, 31))
def test_reciprocal_is_close(raw: int, integer_bits: int) -> None:
    mantissa, exponent = reciprocal(raw, integer_bits)
    value = raw * 2.0 ** (integer_bits - 31)
    assert float(mantissa) * 2.0 ** (-31.0 - float(exponent)) * value == pytest.approx(1, abs=1e-8)
    assert (1 << 30) - 8 <= mantissa <= INT32_MAX


def test_reciprocal_of_one_needs_no_exponent() -> None:
    mantissa, exponent = reciprocal(1 << 19, 12)
    assert exponent == 0
    assert mantissa > INT32_MAX - 8


@pytest.mark.parametrize("real", [0.0, -1.0, 2.0**-26, float("nan")])
def test_softmax_scaling_gives_up_like_tflite(real: float) -> None:
    assert softmax_scaling(real, 1.0, 5) is None


def test_softmax_scaling_is_capped() -> None:
    scaling = softmax_scaling(1e9, 1e9, 5)
    assert scaling is not None
    assert scaling.multiplier.mantissa == INT32_MAX
    table = softmax_exp(scaling, 5)
    assert table[0] == INT32_MAX
    # Half a step of the sum of exponentials: nothing but the maximum counts.
    assert table[1:].max() < 1 << 11


@given(st.floats(2.0**-25, 100.0, width=32))
def test_softmax_exp_falls_and_never_overflows(scale: float) -> None:
    scaling = softmax_scaling(1.0, scale, 5)
    assert scaling is not None
    table = softmax_exp(scaling, 5)
    assert table[0] == INT32_MAX
    # The series is good to 23 bits: equal arguments apart, values fall but for that noise.
    assert np.diff(table).max() < 1 << 9
    assert not table[scaling.radius + 1 :].any()
    real = np.exp(-scale * np.arange(256)) * ONE
    np.testing.assert_allclose(table, real, atol=2048)


def softmax(row: list[int], scale: float, beta: float) -> list[int]:
    """Softmax of one row of int8 values, from the functions alone."""
    scaling = softmax_scaling(beta, float(np.float32(scale)), 5)
    assert scaling is not None
    exps: Int64 = softmax_exp(scaling, 5)[max(row) - np.array(row)]
    mantissa, exponent = reciprocal(rounding_divide_by_pot(exps, 12).sum(), 12)
    steps = rounding_divide_by_pot(doubling_high_multiply(mantissa, exps), exponent + 23)
    return [int(v) for v in np.clip(steps - 128, -128, 127)]


@pytest.mark.parametrize(
    ("row", "scale", "beta", "oracle"),
    [
        (
            [3, 1, -4, 1, -5, 9, -2, 6],
            0.25,
            1.0,
            [-101, -111, -123, -111, -124, -6, -120, -70],
        ),
        (
            [127, 126, -128, 120, 119, 100, 90, 80],
            0.03,
            1.0,
            [-72, -74, -128, -83, -84, -103, -110, -114],
        ),
        (
            [0, 0, 0, 0, 0, 0, 0, 1],
            0.5,
            0.7,
            [-98, -98, -98, -98, -98, -98, -98, -85],
        ),
        (
            [-128, 127, 126, 125, 0, 3, 60, 61],
            0.011,
            2.0,
            [-128, -55, -57, -59, -124, -123, -111, -111],
        ),
    ],
)
def test_softmax_of_the_functions_is_the_oracle_s(
    row: list[int], scale: float, beta: float, oracle: list[int]
) -> None:
    assert softmax(row, scale, float(np.float32(beta))) == oracle

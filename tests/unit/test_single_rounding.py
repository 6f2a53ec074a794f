"""Multipliers that round once."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegen.quant.fixed_point import (
    INT32_MAX,
    INT32_MIN,
    multiply_by,
    quantize_multiplier,
    single_rounding_multiplier,
)
from tests.support.data import integers


@given(
    real=st.floats(2.0**-31, 1.0 - 2.0**-31),
    x=st.integers(INT32_MIN, INT32_MAX) | st.integers(-1000, 1000),
)
def test_products_are_rounded_half_up(real: float, x: int) -> None:
    multiplier = single_rounding_multiplier(real)
    exact = x * Fraction(multiplier.mantissa) * Fraction(2) ** (multiplier.shift - 31)
    assert abs(multiplier.real - real) <= 2.0**-32
    assert multiply_by(x, multiplier) == floor(exact + Fraction(1, 2))


@pytest.mark.parametrize("real", [1.0 - 2.0**-33, 0.9999999999999999])
def test_what_rounds_to_one_is_one(real: float) -> None:
    assert single_rounding_multiplier(real) == quantize_multiplier(1.0)


@given(st.floats(1.0, 2.0**20))
def test_factors_from_one_on_are_the_usual_ones(real: float) -> None:
    assert single_rounding_multiplier(real) == quantize_multiplier(real)


def test_nearer_to_float32_than_two_roundings() -> None:
    """What onnxruntime computes is a float32 product, rounded to the nearest integer."""
    wrong = np.zeros(2)
    count = 0
    for power in range(2, 10):
        for step in range(8):
            real = (1 + step / 9) * 2.0**-power
            reach = int(127 / real)
            acc = integers(f"rounding {power}/{step}", (4000,), -reach, reach, "int64")
            wanted = np.rint(acc.astype(np.float32) * np.float32(real)).astype(np.int64)
            multipliers = single_rounding_multiplier(real), quantize_multiplier(real)
            # Ties go up here and to even there.
            decided = np.abs(np.abs(acc * real) % 1 - 0.5) > 1e-9
            wrong += [int((multiply_by(acc, m) != wanted)[decided].sum()) for m in multipliers]
            count += int(decided.sum())
    once, twice = wrong / count
    assert once <= 1e-5
    assert twice >= 1e-3

"""Tables of functions of one int8 value."""

from __future__ import annotations

import numpy as np
import pytest

from edgegen.ir import DType, QuantParams, TensorType
from edgegen.quant.lookup import Float32, apply, exp, lookup_table


def quantised(scale: float, zero_point: int) -> TensorType:
    return TensorType(DType.INT8, (1,), QuantParams((scale,), (zero_point,)))


def identity(x: Float32) -> Float32:
    return x


def test_the_identity_is_the_identity() -> None:
    table = lookup_table(quantised(0.1, -7), quantised(0.1, -7), identity)
    values = np.arange(-128, 128).astype(np.int8).reshape(2, 8, 16)
    np.testing.assert_array_equal(apply(table, values), values)


def test_halves_round_away_from_zero() -> None:
    table = lookup_table(quantised(1.0, 0), quantised(2.0, 0), identity)
    values = np.array([-5, -3, -1, 1, 3, 5], np.int8)
    assert apply(table, values).tolist() == [-3, -2, -1, 1, 2, 3]


def test_results_saturate() -> None:
    table = lookup_table(quantised(1.0, 0), quantised(0.5, 100), identity)
    assert apply(table, np.array([-128, 13, 14, 127], np.int8)).tolist() == [-128, 126, 127, 127]


@pytest.mark.parametrize(("source", "target"), [(3e38, 1e-38), (1e-45, 3e38), (3e38, 3e38)])
def test_extreme_scales_make_no_warning(source: float, target: float) -> None:
    table = lookup_table(quantised(source, 127), quantised(target, -128), exp)
    assert table.shape == (256,)


def test_a_scalar_stays_an_array() -> None:
    table = lookup_table(quantised(1.0, 0), quantised(1.0, 0), identity)
    result = apply(table, np.array(-3, np.int8))
    assert isinstance(result, np.ndarray)
    assert result.shape == ()
    assert result == -3


def test_exp_is_float32_and_rounds_correctly() -> None:
    x = np.linspace(-100, 88, 5001, dtype=np.float32)
    assert exp(x).dtype == np.float32
    np.testing.assert_array_equal(exp(x), np.exp(x.astype(np.float64)).astype(np.float32))
    assert exp(np.array([1000.0], np.float32)).tolist() == [float("inf")]

"""Integer weights and biases against the definition of TFLite's 8-bit quantisation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgegen.quantise.layers import Float64, by_channel
from edgegen.quantise.weights import IntegerWeights, quantise_weights

INPUT_SCALE = 0.0235


def real(made: IntegerWeights, axis: int) -> Float64:
    """What the integers mean, computed channel by channel."""
    channels = made.values.shape[axis]
    scales = made.quant.scales * (channels if len(made.quant.scales) == 1 else 1)
    parts = [np.take(made.values, c, axis).astype(np.float64) * scales[c] for c in range(channels)]
    return np.stack(parts, axis)


@given(
    arrays.arrays(
        np.float64, (4, 2, 3, 5), elements=st.floats(-50, 50, allow_subnormal=False, width=32)
    ),
    st.sampled_from([0, 3]),
    st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_weights_are_symmetric_and_near(weights: Float64, axis: int, per_channel: bool) -> None:
    channels = weights.shape[axis]
    made = quantise_weights(weights, np.zeros(channels), axis, INPUT_SCALE, per_channel=per_channel)
    assert made.values.dtype == np.int8
    assert made.values.min(initial=0) >= -127
    assert set(made.quant.zero_points) == {0}
    assert made.quant.axis == (axis if per_channel else None)
    largest = np.abs(by_channel(weights, axis)).max(axis=1)
    scales = np.array(made.quant.scales)
    np.testing.assert_allclose(
        real(made, axis), weights, rtol=0, atol=0.50001 * scales.max() + 1e-12
    )
    if per_channel:
        used = largest > 0
        np.testing.assert_allclose(scales[used], largest[used] / 127, rtol=1e-6)
    else:
        assert len(scales) == 1


def test_the_bias_has_the_scale_of_products() -> None:
    random = np.random.default_rng(2)
    weights, bias = random.normal(size=(6, 3, 3, 4)), random.normal(size=6)
    made = quantise_weights(weights, bias, 0, INPUT_SCALE, per_channel=True)
    products = np.float32(INPUT_SCALE) * np.array(made.quant.scales, np.float32)
    np.testing.assert_array_equal(np.array(made.bias_quant.scales, np.float32), products)
    steps = np.array(made.bias_quant.scales)
    np.testing.assert_allclose(made.bias * steps, bias, rtol=0, atol=0.5001 * steps.max())


def test_a_channel_without_weights_keeps_its_bias() -> None:
    weights = np.zeros((2, 1, 1, 3))
    weights[0] = 1.0
    made = quantise_weights(weights, np.array([0.5, -7.25]), 0, INPUT_SCALE, per_channel=True)
    assert not made.values[1].any()
    assert made.bias[1] * made.bias_quant.scales[1] == pytest.approx(-7.25, abs=1e-3)


@pytest.mark.parametrize("per_channel", [True, False])
def test_a_bias_far_above_the_weights_widens_their_scale(per_channel: bool) -> None:
    weights = np.full((2, 1, 1, 1), 1e-6)
    bias = np.array([1e5, 0.0])
    made = quantise_weights(weights, bias, 0, 1e-3, per_channel=per_channel)
    steps = np.broadcast_to(made.bias_quant.scales, (2,))
    np.testing.assert_allclose(made.bias * steps, bias, rtol=1e-6)
    assert np.abs(made.bias).max() <= 2**29 + 1

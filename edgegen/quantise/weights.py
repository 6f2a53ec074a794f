"""Weights and biases as integers: symmetric int8 in [-127, 127], int32 or int64 biases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgegen.ir import QuantParams
from edgegen.ir.types import Array
from edgegen.quantise.layers import Float64, along, by_channel

LARGEST = 127
"""Largest magnitude of a quantised weight: -128 is left out, so that kernels may negate."""
LARGEST_BIAS, LARGEST_WIDE_BIAS = 2.0**29, 2.0**45
"""Largest magnitude of a bias beside int8 and int16 inputs, with room for the products that are
added to it."""


@dataclass(frozen=True, eq=False)
class IntegerWeights:
    """A layer's integer constants.

    Attributes:
        values: int8, in the float weights' shape.
        quant: their scales, per channel along `axis` or one for all; zero points are 0.
        bias: int32 or int64 [channels], in steps of input scale times weight scale.
        bias_quant: the bias's scales.
    """

    values: Array
    quant: QuantParams
    bias: npt.NDArray[np.int32] | npt.NDArray[np.int64]
    bias_quant: QuantParams

    def real(self, axis: int) -> Float64:
        """The weights' real values, float64."""
        scales = along(
            np.broadcast_to(self.quant.scales, (len(self.bias),)), axis, self.values.ndim
        )
        return self.values.astype(np.float64) * scales


def quantise_weights(
    weights: Float64,
    bias: Float64,
    axis: int,
    input_scale: float,
    *,
    per_channel: bool,
    wide: bool = False,
) -> IntegerWeights:
    """Quantises a layer's weights and bias.

    Args:
        weights: float weights, float64.
        bias: float64 [channels].
        axis: the weights' dimension of output channels.
        input_scale: scale of the layer's input.
        per_channel: one scale for each output channel instead of one for all.
        wide: the bias becomes int64.
    """
    largest = np.abs(by_channel(weights, axis)).max(axis=1, initial=0.0)
    if not per_channel:
        largest = np.full_like(largest, largest.max(initial=0.0))
    scales = largest / LARGEST
    # A channel without weights has no scale of its own; any will do that can hold its bias.
    scales[scales == 0] = scales.max(initial=0.0) or 1.0 / LARGEST
    need = np.abs(bias) / (input_scale * (LARGEST_WIDE_BIAS if wide else LARGEST_BIAS))
    scales = np.maximum(scales, need if per_channel else need.max(initial=0.0))
    scales = scales.astype(np.float32).astype(np.float64)
    steps = np.round(weights / along(scales, axis, weights.ndim))
    values = np.asarray(np.clip(steps, -LARGEST, LARGEST), np.int8)
    kept = scales if per_channel else scales[:1]
    bias_scales = (np.float32(input_scale) * kept.astype(np.float32)).astype(np.float64)
    steps = np.round(bias / bias_scales)
    return IntegerWeights(
        values,
        _symmetric(kept, axis if per_channel else None),
        whole_bias(steps, wide=wide),
        _symmetric(bias_scales, 0 if per_channel else None),
    )


def whole_bias(steps: Float64, *, wide: bool) -> npt.NDArray[np.int32] | npt.NDArray[np.int64]:
    """Whole steps as int32, or int64 with room for products."""
    if wide:
        return np.clip(steps, -LARGEST_WIDE_BIAS, LARGEST_WIDE_BIAS).astype(np.int64)
    return np.clip(steps, -(2.0**31), 2.0**31 - 1).astype(np.int32)


def _symmetric(scales: Float64, axis: int | None) -> QuantParams:
    values = tuple(float(s) for s in scales)
    # A single channel needs no axis.
    return QuantParams(values, (0,) * len(values), axis if len(values) > 1 else None)

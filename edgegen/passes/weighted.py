"""Convolutions and fully connected layers in one form: requantised sums of weighted inputs.

A tap in the zero padding adds nothing to a sum, so a window at the border sees fewer taps than one
inside. All windows that see the same taps form a border class: bounds and shares of a sum are the
same within a class, and there are few classes (nine for a 3x3 filter with SAME padding).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgegen.ir import Op, OpIO
from edgegen.ops.conv2d import Conv2D
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.ops.fully_connected import FullyConnected
from edgegen.ops.requantise import channel_multipliers
from edgegen.ops.window import Window
from edgegen.quant.fixed_point import INT32_MAX, INT32_MIN, Int64, multiply

Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Weighted:
    """A layer as sums over `depth` input channels and a window of `high` x `wide` taps.

    Attributes:
        weights: [out, depth, high, wide].
        reads: the input channel of each weight, [out, depth].
        bias: [out]; zeros where the operator has none.
        rows: the taps that each border class along the height sees, [classes, high].
        columns: the same along the width, [classes, wide].
        zero_point: the input's.
        mantissa: requantisation mantissas, [out].
        shift: requantisation exponents, [out].
        offset: the output's zero point.
        limits: lowest and highest output.
    """

    weights: Int64
    reads: Int64
    bias: Int64
    rows: Bool
    columns: Bool
    zero_point: int
    mantissa: Int64
    shift: Int64
    offset: int
    limits: tuple[int, int]

    def class_sums(self, taps: Int64) -> Int64:
        """Sums the taps that each border class sees: [..., high, wide] to [..., classes]."""
        sums = self.rows.astype(np.int64) @ taps @ self.columns.T.astype(np.int64)
        return sums.reshape(*taps.shape[:-2], sums.shape[-2] * sums.shape[-1])

    def accumulators(self, low: Int64, high: Int64) -> tuple[Int64, Int64]:
        """Bounds of the accumulators, bias included, as if int64 held them.

        Args:
            low: lowest value of every input channel.
            high: highest value of every input channel.

        Returns:
            Lowest and highest accumulators, both [out, classes].
        """
        rising, falling = np.maximum(self.weights, 0), np.minimum(self.weights, 0)
        least, most = low[self.reads] - self.zero_point, high[self.reads] - self.zero_point

        def bound(up: Int64, down: Int64) -> Int64:
            taps = np.einsum("odhw,od->ohw", rising, up) + np.einsum("odhw,od->ohw", falling, down)
            return self.class_sums(taps) + self.bias[:, np.newaxis]

        return bound(least, most), bound(most, least)

    def outputs(self, low: Int64, high: Int64) -> tuple[Int64, Int64]:
        """Bounds of the outputs; arguments as for `accumulators`.

        Returns:
            Lowest and highest value of every output channel, both [out].
        """
        bounds = self.accumulators(low, high)
        safe = self._exact(*bounds)
        first, second = (self._requantise(np.where(safe, b, 0)) for b in bounds)
        least = np.where(safe, np.minimum(first, second), self.limits[0])
        most = np.where(safe, np.maximum(first, second), self.limits[1])
        return least.min(axis=1), most.max(axis=1)

    def shares(self, channels: Int64, values: Int64) -> Int64:
        """What input channels add to the sums when they hold one value everywhere.

        For layers whose every output channel reads every input channel.

        Args:
            channels: input channels.
            values: the value of each.

        Returns:
            [out, len(channels), classes].
        """
        steps = (values - self.zero_point)[:, np.newaxis, np.newaxis]
        return self.class_sums(self.weights[:, channels] * steps)

    def settled_bias(self, low: Int64, high: Int64) -> Int64:
        """An accumulator that each output channel can have, [out]; arguments as above.

        With weights of zero and this bias, a channel that `outputs` proves constant keeps its
        value: all its accumulators requantise to it.
        """
        least, most = self.accumulators(low, high)
        return np.asarray(np.clip(0, least[:, 0], most[:, 0]), np.int64)

    def _exact(self, low: Int64, high: Int64) -> Bool:
        """Where int32 holds all accumulators from `low` to `high`, shifted left too.

        There requantisation is monotone; elsewhere it may wrap and nothing is known. The rules of
        the operators refuse models that get there; this does not rely on it.
        """
        left = np.maximum(self.shift, 0)[:, np.newaxis]
        safe: Bool = (low >= INT32_MIN >> left) & (high <= INT32_MAX >> left)
        return safe

    def _requantise(self, sums: Int64) -> Int64:
        """Outputs of accumulators [out, classes]."""
        scaled = multiply(sums, self.mantissa[:, np.newaxis], self.shift[:, np.newaxis])
        return np.clip(scaled + self.offset, *self.limits)


def weighted(op: Op, io: OpIO) -> Weighted | None:
    """The layer in this form, or None where the operator is none of the three."""
    if isinstance(op, Conv2D):
        weights = io.input(1).values.transpose(0, 3, 1, 2)
        out, depth = weights.shape[:2]
        first = np.arange(out) // (out // op.groups(io)) * depth
        reads = first[:, np.newaxis] + np.arange(depth)
        multipliers = channel_multipliers(io, out)
        rows, columns = _border_classes(op.window(io), io)
    elif isinstance(op, DepthwiseConv2D):
        weights = io.input(1).values.transpose(3, 0, 1, 2)
        out = weights.shape[0]
        reads = (np.arange(out) // op.multiplier(io))[:, np.newaxis]
        multipliers = op.multipliers(io)
        rows, columns = _border_classes(op.window(io), io)
    elif isinstance(op, FullyConnected):
        weights = io.input(1).values[:, :, np.newaxis, np.newaxis]
        out, depth = weights.shape[:2]
        reads = np.broadcast_to(np.arange(depth), (out, depth))
        multipliers = op.multipliers(io)
        rows = columns = np.ones((1, 1), np.bool_)
    else:
        return None
    bias = io.optional(2)
    mantissa, shift = (np.broadcast_to(m, (out,)) for m in multipliers)
    return Weighted(
        weights=weights.astype(np.int64),
        reads=reads,
        bias=np.zeros(out, np.int64) if bias is None else bias.values.astype(np.int64).ravel(),
        rows=rows,
        columns=columns,
        zero_point=io.input(0).type.zero_point,
        mantissa=mantissa,
        shift=shift,
        offset=io.output.type.zero_point,
        limits=op.output_range(io),
    )


def _border_classes(axes: tuple[Window, Window], io: OpIO) -> tuple[Bool, Bool]:
    """The distinct sets of taps that windows see along height and width."""
    _, height, width, _ = io.input(0).type.shape
    return _seen_taps(axes[0], height), _seen_taps(axes[1], width)


def _seen_taps(window: Window, inputs: int) -> Bool:
    """The distinct sets of taps that read one of `inputs` elements, [classes, taps]."""
    first = np.arange(window.outputs(inputs)) * window.stride - window.before(inputs)
    place = first[:, np.newaxis] + np.arange(window.size) * window.dilation
    classes: Bool = np.unique((place >= 0) & (place < inputs), axis=0)
    return classes

"""A layer with weights as its requantisation is solved from: a key for caches, and its channels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgegen.ir import OpIO
from edgegen.kernels.solved import Source, layer_channels
from edgegen.ops.conv2d import Conv2D
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.ops.fully_connected import FullyConnected
from edgegen.ops.requantise import channel_multipliers
from edgegen.quant.fixed_point import Int64
from edgegen.quant.staircase import Channels

Weighted = Conv2D | DepthwiseConv2D | FullyConnected


@dataclass(frozen=True)
class WeightedLayer:
    """Everything that the constants depend on, with the values that tensors leave out of `==`."""

    op: Weighted
    io: OpIO
    values: tuple[bytes, ...]

    @classmethod
    def of(cls, op: Weighted, io: OpIO) -> WeightedLayer:
        """The layer of an operator with its tensors."""
        constants = tuple(t.values.tobytes() for t in io.inputs[1:] if t is not None)
        return cls(op, OpIO(io.inputs, io.outputs), constants)

    @property
    def weights(self) -> Int64:
        """Weights [channels, taps]: all that are accumulated for one output."""
        weights: Int64 = self.io.input(1).values.astype(np.int64)
        if isinstance(self.op, DepthwiseConv2D):
            weights = weights[0].transpose(2, 0, 1)
        return weights.reshape(len(weights), -1)

    def channels(self, *, signed: bool) -> Channels:
        """The exact requantisation, for inputs as TFLite's q where `signed`, else as u8."""
        return self._channels(Source.of(self.io.input(0).type.zero_point, signed))

    def centred_channels(self) -> Channels:
        """The exact requantisation, for inputs less their zero point: padding adds nothing."""
        zero = self.io.input(0).type.zero_point
        return self._channels(Source(-128 - zero, 127 - zero, 0))

    def _channels(self, source: Source) -> Channels:
        weights = self.weights
        if isinstance(self.op, FullyConnected):
            # One multiplier serves all channels of per-tensor weights.
            mantissa, shift = (
                np.array(np.broadcast_to(v, len(weights))) for v in self.op.multipliers(self.io)
            )
        else:
            mantissa, shift = channel_multipliers(self.io, len(weights))
        limits = self.op.output_range(self.io)
        return layer_channels(self.io, weights, source, limits, (mantissa, shift))

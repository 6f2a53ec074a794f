"""Constants of a convolution or fully connected layer for the quad tile, solved once a layer."""

from __future__ import annotations

import functools

from edgegen.ir import OpIO
from edgegen.kernels.split import Split, solve_split
from edgegen.kernels.weighted_layer import WeightedLayer
from edgegen.ops.conv2d import Conv2D
from edgegen.ops.fully_connected import FullyConnected


def split_layer(op: Conv2D | FullyConnected, io: OpIO) -> Split | None:
    """The requantisation of a layer, or None where none could be proved."""
    return _solve(WeightedLayer.of(op, io))


@functools.lru_cache(maxsize=256)
def _solve(layer: WeightedLayer) -> Split | None:
    # The tile multiplies x = q, whatever the buffer stores.
    return solve_split(layer.channels(signed=True))

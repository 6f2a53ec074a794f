"""Constants of layers with weights for kernels that multiply TFLite's q, whatever is stored."""

from __future__ import annotations

import functools

from edgegen.ir import OpIO
from edgegen.kernels.solved import Solved, solve_layer
from edgegen.kernels.weighted_layer import Weighted, WeightedLayer
from edgegen.quant.solver import Shifts

SHIFTS = Shifts((12, 11, 10, 13, 9, 14, *range(8, -1, -1)), (*range(16, 7, -1), *range(17, 22)))
"""Whole accumulators take any shift; most layers of real models agree on the first ones."""


def signed_layer(op: Weighted, io: OpIO) -> Solved | None:
    """The requantisation of a layer, or None where none could be proved."""
    return _solve(WeightedLayer.of(op, io))


@functools.lru_cache(maxsize=256)
def _solve(layer: WeightedLayer) -> Solved | None:
    return solve_layer(layer.channels(signed=True), SHIFTS)

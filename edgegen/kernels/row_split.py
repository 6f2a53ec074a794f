"""Requantisation of the row kernels in C: accumulators of inputs less their zero point."""

from __future__ import annotations

import functools

from edgegen.ir import OpIO
from edgegen.kernels.split import Split, solve_split
from edgegen.kernels.weighted_layer import Weighted, WeightedLayer


def centred_split(op: Weighted, io: OpIO) -> Split | None:
    """The constants of a layer; None where none could be proved for some channel."""
    return _solve(WeightedLayer.of(op, io))


@functools.lru_cache(maxsize=256)
def _solve(layer: WeightedLayer) -> Split | None:
    return solve_split(layer.centred_channels())

"""The solved requantisation of a convolution, shared by the DSP kernels and their cost models."""

from __future__ import annotations

import functools

import numpy as np

from edgegen.ir import OpIO
from edgegen.kernels.formats import DENSE, HWC, Format, Layout
from edgegen.kernels.solved import GEMM_SHIFTS, Solved, solve_layer
from edgegen.kernels.weighted_layer import WeightedLayer
from edgegen.ops.conv2d import Conv2D
from edgegen.quant.fixed_point import Int64
from edgegen.quant.solver import Shifts


def solved_layer(op: Conv2D, io: OpIO, form: Format, shifts: Shifts = GEMM_SHIFTS) -> Solved:
    """The constants of a layer that `reject_weights` accepts, by the favourite among `shifts`."""
    solved = _solve(WeightedLayer.of(op, io), form.layout is Layout.DENSE, shifts)
    assert solved is not None
    return solved


def reject_weights(op: Conv2D, io: OpIO) -> str:
    """Why two-lane weights or the requantisation do not work; empty when they do."""
    layer = WeightedLayer.of(op, io)
    if not lanes_fit(layer.weights):
        return "two weights that share a lane do not fit 16 bits (-128 with a negative one)"
    for form in (HWC, DENSE):
        if _solve(layer, form.layout is Layout.DENSE, GEMM_SHIFTS) is None:
            return "no requantisation constants could be proved for some channel"
    return ""


def lanes_fit(weights: Int64) -> bool:
    """Whether a + 256 b fits int16 for channels c and c + 2 of every block of four."""
    padded = np.pad(weights, ((0, -len(weights) % 4), (0, 0)))
    blocks = padded.reshape(-1, 2, 2, padded.shape[1])
    return bool((blocks[:, 0] + 256 * blocks[:, 1]).min(initial=0) >= -(1 << 15))


@functools.lru_cache(maxsize=256)
def _solve(layer: WeightedLayer, signed: bool, shifts: Shifts) -> Solved | None:
    return solve_layer(layer.channels(signed=signed), shifts)

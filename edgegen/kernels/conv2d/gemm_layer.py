"""The solved requantisation of a convolution, shared by the DSP kernels and their cost models."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from edgegen.ir import OpIO, Tensor, TensorKind, TensorType
from edgegen.kernels.formats import DENSE, HWC, Format, Layout
from edgegen.kernels.solved import GEMM_SHIFTS, Solved, Source, layer_channels, solve_layer
from edgegen.ops.conv2d import Conv2D
from edgegen.ops.requantise import channel_multipliers
from edgegen.quant.fixed_point import Int64
from edgegen.quant.solver import Shifts


@dataclass(frozen=True)
class _Layer:
    """Everything that the constants depend on, hashable."""

    types: tuple[TensorType, TensorType, TensorType]
    limits: tuple[int, int]
    signed: bool
    weights: bytes
    bias: bytes | None


def solved_layer(op: Conv2D, io: OpIO, form: Format, shifts: Shifts = GEMM_SHIFTS) -> Solved:
    """The constants of a layer that `reject_weights` accepts, by the favourite among `shifts`."""
    solved = _solve(_key(op, io, form), shifts)
    assert solved is not None
    return solved


def reject_weights(op: Conv2D, io: OpIO) -> str:
    """Why two-lane weights or the requantisation do not work; empty when they do."""
    weights = io.input(1).values.astype(np.int64)
    if not lanes_fit(weights.reshape(weights.shape[0], -1)):
        return "two weights that share a lane do not fit 16 bits (-128 with a negative one)"
    for form in (HWC, DENSE):
        if _solve(_key(op, io, form), GEMM_SHIFTS) is None:
            return "no requantisation constants could be proved for some channel"
    return ""


def lanes_fit(weights: Int64) -> bool:
    """Whether a + 256 b fits int16 for channels c and c + 2 of every block of four."""
    padded = np.pad(weights, ((0, -len(weights) % 4), (0, 0)))
    blocks = padded.reshape(-1, 2, 2, padded.shape[1])
    return bool((blocks[:, 0] + 256 * blocks[:, 1]).min(initial=0) >= -(1 << 15))


def _key(op: Conv2D, io: OpIO, form: Format) -> _Layer:
    bias = io.optional(2)
    return _Layer(
        (io.input(0).type, io.input(1).type, io.output.type),
        op.output_range(io),
        form.layout is Layout.DENSE,
        io.input(1).values.tobytes(),
        None if bias is None else bias.values.tobytes(),
    )


@functools.lru_cache(maxsize=256)
def _solve(layer: _Layer, shifts: Shifts) -> Solved | None:
    weights = np.frombuffer(layer.weights, np.int8).reshape(layer.types[1].shape)
    tensors: list[Tensor | None] = [
        Tensor("x", layer.types[0], TensorKind.ACTIVATION),
        Tensor("w", layer.types[1], TensorKind.CONSTANT, weights),
    ]
    if layer.bias is not None:
        bias = np.frombuffer(layer.bias, np.int32)
        kind = TensorType(layer.types[1].dtype, bias.shape)
        tensors.append(Tensor("b", kind, TensorKind.CONSTANT, bias))
    io = OpIO(tuple(tensors), (Tensor("y", layer.types[2], TensorKind.ACTIVATION),))
    count = weights.shape[0]
    channels = layer_channels(
        io,
        weights.astype(np.int64).reshape(count, -1),
        Source.of(layer.types[0].zero_point, layer.signed),
        layer.limits,
        channel_multipliers(io, count),
    )
    return solve_layer(channels, shifts)

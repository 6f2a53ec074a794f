"""TRANSPOSED_CONVOLUTION over one to three spatial axes, channels first, on float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import OpIO
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.spatial import MAX_AXES
from edgegen.ops.spatial_layer import SpatialLayer


@dataclass(frozen=True)
class TransposedConvolution(SpatialLayer):
    """Transposed convolution; filters [in, out / groups, taps...], perhaps a bias [out].

    Input i adds its products with tap t to output i * stride + t * dilation - before.
    """

    stem: ClassVar[str] = "transposed_convolution"
    sources: ClassVar[tuple[str, ...]] = ("transposed_convolution",)

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = rules.count_problems(io, (2, 3))
        if problems:
            return problems
        source, filters, out = io.input(0).type, io.input(1).type, io.output.type
        problems = self.type_problems(io)
        rank = len(source.shape)
        if not 3 <= rank == len(filters.shape) == len(out.shape) <= MAX_AXES + 2:
            return [*problems, Problem(f"{source}, {filters} and {out} differ in dimensions")]
        if (
            self.groups < 1
            or source.shape[1] != filters.shape[0]
            or source.shape[1] % self.groups
            or out.shape[:2] != (source.shape[0], filters.shape[1] * self.groups)
            or filters.shape[2:] != self.windows.size
        ):
            text = f"{source} with filters {filters} in {self.groups} groups gives no {out}"
            return [*problems, Problem(text)]
        w = self.windows
        lists = (w.stride, w.dilation, w.before)
        if any(len(v) != rank - 2 for v in lists) or min(*w.stride, *w.dilation) < 1:
            problems.append(Problem("strides, dilations and paddings do not fit"))
        return problems

    def macs(self, io: OpIO) -> int:
        """Multiply-accumulates, those that fall outside included."""
        filters = io.input(1).type
        return io.input(0).type.elements * (filters.elements // filters.shape[0])

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: the ONNX operator ConvTranspose."""
        x, filters = values[0], values[1]
        assert x is not None
        assert filters is not None
        out, w = io.output.type, self.windows
        batch, depth = x.shape[:2]
        grouped = x.astype(np.float64).reshape(
            batch, self.groups, depth // self.groups, *x.shape[2:]
        )
        taps = filters.astype(np.float64).reshape(
            self.groups, depth // self.groups, *filters.shape[1:]
        )
        total = np.zeros(out.shape, np.float64)
        for tap in np.ndindex(*w.size):
            part = np.einsum("ngi...,gio->ngo...", grouped, taps[(..., *tap)])
            part = part.reshape(*out.shape[:2], *x.shape[2:])
            source: list[slice] = []
            target: list[slice] = []
            for axis, t in enumerate(tap):
                first = t * w.dilation[axis] - w.before[axis]
                stride, size = w.stride[axis], out.shape[2 + axis]
                low = max(-(first // stride), 0)
                high = min(-((first - size) // stride), x.shape[2 + axis])
                high = max(high, low)
                source.append(slice(low, high))
                start = first + low * stride
                target.append(slice(start, start + (high - low - 1) * stride + 1, stride))
            if all(s.stop > s.start for s in source):
                everything = (slice(None), slice(None))
                total[(*everything, *target)] += part[(*everything, *source)]
        bias = values[2] if len(values) > 2 else None
        if bias is not None:
            total += bias.astype(np.float64).reshape(-1, *(1,) * (len(out.shape) - 2))
        return (total.astype(out.dtype.numpy),)

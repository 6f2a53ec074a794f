"""CONVOLUTION over one to three spatial axes, channels first. The ONNX front end makes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import OpIO
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.pointwise_functions import converted
from edgegen.ops.spatial_layer import SpatialLayer


@dataclass(frozen=True)
class Convolution(SpatialLayer):
    """Convolution over space; filters [out, in / groups, taps...], perhaps a bias [out]."""

    stem: ClassVar[str] = "convolution"
    sources: ClassVar[tuple[str, ...]] = ("convolution",)

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = rules.count_problems(io, (2, 3))
        if problems:
            return problems
        source, filters, out = io.input(0).type, io.input(1).type, io.output.type
        problems = self.type_problems(io)
        if not len(source.shape) == len(filters.shape) == len(out.shape) >= 3:
            return [*problems, Problem(f"{source}, {filters} and {out} differ in dimensions")]
        channels, count = source.shape[1], filters.shape[0]
        if (
            self.groups < 1
            or channels != filters.shape[1] * self.groups
            or count % self.groups
            or out.shape[:2] != (source.shape[0], count)
            or filters.shape[2:] != self.windows.size
        ):
            return [
                *problems,
                Problem(f"{source} with filters {filters} in {self.groups} groups gives no {out}"),
            ]
        return problems + self.windows.problems(source.shape[2:], out.shape[2:])

    def macs(self, io: OpIO) -> int:
        """Multiply-accumulates, padding included."""
        filters = io.input(1).type
        return io.output.type.elements * (filters.elements // filters.shape[0])

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: the ONNX operator Conv."""
        x, filters = values[0], values[1]
        assert x is not None
        assert filters is not None
        batch, out = x.shape[0], io.output.type
        wide = np.float64 if x.dtype == np.float32 else np.int64
        views = self.windows.views(x.astype(wide), out.shape[2:], 0.0)
        space = views.shape[2:]
        # [batch, groups, taps of all channels, pixels]
        pixels = int(np.prod(out.shape[2:]))
        taps = int(np.prod(space[len(out.shape) - 2 :]))
        left = views.reshape(batch, self.groups, -1, pixels, taps).transpose(0, 1, 2, 4, 3)
        left = left.reshape(batch, self.groups, -1, pixels)
        right = filters.astype(wide).reshape(self.groups, filters.shape[0] // self.groups, -1)
        total = np.matmul(right, left).reshape(out.shape)
        bias = values[2] if len(values) > 2 else None
        if bias is not None:
            total = total + bias.astype(wide).reshape(-1, *(1,) * (len(out.shape) - 2))
        return (converted(total, out.dtype),)

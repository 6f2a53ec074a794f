"""MEAN on int8, int16 and float32 over any axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import DType, Op, OpIO, Origin
from edgegen.ir.permuted import Permuted
from edgegen.ir.raw import RawNode
from edgegen.ir.row_window import RowWindow
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.quant.fixed_point import (
    INT32_MAX,
    Multiplier,
    multiply_by,
    quantize_multiplier,
    single_rounding_multiplier,
)

# Room for the output's zero point, added after requantisation.
_OUTPUT_STEPS = 256


@dataclass(frozen=True)
class Mean(Op):
    """Arithmetic mean. Input 1 holds the axes, which may be negative or repeated."""

    keep_dims: bool

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "mean"
    sources: ClassVar[tuple[str, ...]] = ("MEAN",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Mean:
        """See `Op.parse`."""
        return cls(node.inputs, node.outputs, origin, node.flag("keep_dims"))

    def node(self, io: OpIO) -> RawNode:
        """See `Op.node`."""
        return self.tflite("MEAN", rules.version(io, int8=2, int16=3), keep_dims=self.keep_dims)

    def axes(self, io: OpIO) -> tuple[int, ...]:
        """The reduced dimensions, each once, in order; a scalar has none whatever is asked."""
        rank = len(io.input(0).type.shape)
        asked = rules.int_constant(io, 1)
        assert asked is not None
        return tuple(sorted({int(a) % rank for a in asked})) if rank else ()

    def count(self, io: OpIO) -> int:
        """Number of values in each mean."""
        return math.prod(io.input(0).type.shape[a] for a in self.axes(io))

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = rules.count_problems(io, (2, 2)) or (
            rules.value_problems(io, io.input(0), role="input", int16=True)
            + rules.value_problems(io, io.output, role="output", int16=True)
            + rules.constant_problems(io.input(1), role="axes", dtype=DType.INT32)
        )
        if problems:
            return problems
        shape = io.input(0).type.shape
        asked = rules.int_constant(io, 1)
        assert asked is not None
        wrong = [int(a) for a in asked if shape and not -len(shape) <= a < len(shape)]
        if wrong:
            return [Problem(f"axes {wrong} do not exist in a tensor of shape {list(shape)}")]
        axes = self.axes(io)
        if self.keep_dims:
            expected = tuple(1 if i in axes else d for i, d in enumerate(shape))
        else:
            expected = tuple(d for i, d in enumerate(shape) if i not in axes)
        problems = rules.shape_problems(io.output, expected)
        return problems if problems or rules.is_float(io) else self._overflow_problems(io)

    def _overflow_problems(self, io: OpIO) -> list[Problem]:
        """Checks that neither the sum nor its requantisation leaves int32."""
        largest = (1 << 15 if rules.is_int16(io) else 255) * self.count(io)
        if (largest << max(self.multiplier(io).shift, 0)) + _OUTPUT_STEPS <= INT32_MAX:
            return []
        return [
            Problem(
                f"a mean of {self.count(io)} values scaled by "
                f"{io.input(0).type.scale / io.output.type.scale:.4g} could overflow int32"
            )
        ]

    def summary(self, io: OpIO) -> str:
        """See `Op.summary`."""
        axes = self.axes(io)
        return "over axes " + ", ".join(map(str, axes)) if axes else "of single values"

    def multiplier(self, io: OpIO) -> Multiplier:
        """From a sum of input steps to output steps, the division by the count included.

        Source: TFLite 2.14 `reference/reduce.h` QuantizedMeanOrSum, which takes all axes, the
        common case of height and width included: the mantissa of the scales' ratio is shifted
        left by as many bits as the count has after its first, then divided, truncated. It may
        thus have 30 bits.
        """
        count = self.count(io)
        ratio = io.input(0).type.scale / io.output.type.scale
        if io.output.type.rounds_once:
            return single_rounding_multiplier(ratio / count)
        base = quantize_multiplier(ratio)
        extra = min(count.bit_length() - 1, 32, 31 + base.shift)
        return Multiplier((base.mantissa << extra) // count, base.shift - extra)

    def row_windows(self, io: OpIO) -> tuple[RowWindow | None, ...] | None:
        """See `Op.row_windows`: over height, or height and width, all rows make one."""
        shape = io.input(0).type.shape
        if len(shape) != 4 or not {1} <= set(self.axes(io)) <= {0, 1, 2}:
            return None
        return (RowWindow(shape[1]), None)

    def permuted(self, io: OpIO, order: tuple[int, ...]) -> Permuted:
        """See `Op.permuted`."""
        axes = self.axes(io)
        moved = np.array(sorted(order.index(a) for a in axes), np.int32)
        kept = [a for a in order if a not in axes]
        output = order if self.keep_dims else tuple(sorted(kept).index(a) for a in kept)
        return Permuted(self, output, constants={1: moved})

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: as for `multiplier`."""
        x = values[0]
        assert x is not None
        if rules.is_float(io):
            real = x.sum(axis=self.axes(io), dtype=np.float64) / self.count(io)
            return (real.astype(np.float32).reshape(io.output.type.shape),)
        total = x.sum(axis=self.axes(io), dtype=np.int64)
        total = total - io.input(0).type.zero_point * self.count(io)
        out = multiply_by(total, self.multiplier(io)) + io.output.type.zero_point
        mean = rules.saturate(np.asarray(out), *rules.limits(io), dtype=io.output.type.dtype)
        return (np.asarray(mean).reshape(io.output.type.shape),)

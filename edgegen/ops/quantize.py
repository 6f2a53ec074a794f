"""QUANTIZE to 8-bit types: from other scales, zero points or signedness, or from float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import DType, Op, OpIO, Origin, TensorType
from edgegen.ir.raw import RawNode
from edgegen.ir.row_window import RowWindow
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.elementwise import rescale_problems
from edgegen.ops.requantise import multiplier_to
from edgegen.quant.fixed_point import multiply_by

DTYPES = (DType.INT8, DType.UINT8)


@dataclass(frozen=True)
class Quantize(Op):
    """Requantises every value."""

    stem: ClassVar[str] = "quantize"
    sources: ClassVar[tuple[str, ...]] = ("QUANTIZE",)
    elementwise: ClassVar[bool] = True

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Quantize:
        """See `Op.parse`."""
        return cls(node.inputs, node.outputs, origin)

    def node(self, io: OpIO) -> RawNode:
        """See `Op.node`."""
        return self.tflite("QUANTIZE", 1 if io.input(0).type.dtype is DType.FLOAT32 else 2)

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = rules.count_problems(io, (1, 1))
        if problems:
            return problems
        problems = rules.quantised_problems(
            io.output, role="output", dtypes=DTYPES
        ) + rules.shape_problems(io.output, io.input(0).type.shape)
        if rules.is_float(io):
            return problems
        problems += rules.quantised_problems(io.input(0), role="input", dtypes=DTYPES)
        return problems or rescale_problems(self._factor(io), 255)

    def _factor(self, io: OpIO) -> float:
        """From input to output steps; TFLite 2.14 `quantize.cc` divides in double."""
        return io.input(0).type.scale / io.output.type.scale

    def summary(self, io: OpIO) -> str:
        """See `Op.summary`."""
        return f"{io.input(0).type.dtype.value} to {io.output.type.dtype.value}"

    def table(self, io: OpIO) -> Array:
        """The output for every input q, [256] in the output's dtype, at index q modulo 256."""
        source, target = io.input(0).type, io.output.type
        values = np.arange(256, dtype=np.uint8).view(source.dtype.numpy).astype(np.int64)
        out = multiply_by(values - source.zero_point, multiplier_to(io.output, self._factor(io)))
        return rules.saturate(out + target.zero_point, *target.dtype.limits, dtype=target.dtype)

    def _from_float(self, target: TensorType, x: Array) -> Array:
        """Quantises real values, with a division in float32."""
        ratio = (x.astype(np.float32) / np.float32(target.scale)).astype(np.float64)
        away = np.trunc(ratio + np.copysign(0.5, ratio))
        steps = (np.rint(ratio) if target.rounds_once else away) + target.zero_point
        low, high = target.dtype.limits
        whole = np.nan_to_num(steps, nan=low, posinf=high, neginf=low)
        return rules.saturate(whole, low, high, dtype=target.dtype)

    def row_windows(self, io: OpIO) -> tuple[RowWindow | None, ...] | None:
        """See `Op.row_windows`."""
        return rules.elementwise_rows(io)

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; sources: `reference/requantize.h`, `reference/quantize.h`.

        From float32, values are rounded away from zero in the middle, to even as ONNX defines it
        where the output rounds once; NaN becomes the lowest value.
        """
        x = values[0]
        assert x is not None
        if rules.is_float(io):
            return (self._from_float(io.output.type, x),)
        return (np.asarray(self.table(io)[x.view(np.uint8)]),)

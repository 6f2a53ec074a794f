"""QUANTIZE to 8-bit types and int16: from other scales, zero points or types, or from float32."""

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
from edgegen.quant.fixed_point import Multiplier, multiply_by

BYTES = (DType.INT8, DType.UINT8)
DTYPES = (*BYTES, DType.INT16)


@dataclass(frozen=True)
class Quantize(Op):
    """Requantises every value.

    Attributes:
        through_real: as DEQUANTIZE followed by QUANTIZE, which is how 8-bit values become int16:
            TFLite 2.14 has no direct way.
    """

    through_real: bool = False

    stem: ClassVar[str] = "quantize"
    sources: ClassVar[tuple[str, ...]] = ("QUANTIZE",)
    elementwise: ClassVar[bool] = True

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Quantize:
        """See `Op.parse`."""
        return cls(node.inputs, node.outputs, origin)

    def node(self, io: OpIO) -> RawNode:
        """See `Op.node`."""
        if self.through_real:
            return super().node(io)
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
        return problems or self._type_problems(io)

    def _type_problems(self, io: OpIO) -> list[Problem]:
        """Checks the pair of types, and that nothing overflows."""
        source, target = io.input(0).type.dtype, io.output.type.dtype
        if self.through_real:
            return []
        wide = (source is DType.INT16) + (target is DType.INT16)
        if wide == 1 and (source, target) != (DType.INT16, DType.INT8):
            return [
                Problem(
                    f"from {source.value} to {target.value} is not supported",
                    why="TFLite 2.14 has no such kernel",
                    hint="use DEQUANTIZE and then QUANTIZE" if target is DType.INT16 else "",
                )
            ]
        return rescale_problems(self._factor(io), 1 << 15 if wide else 255)

    def multiplier(self, io: OpIO) -> Multiplier:
        """From input to output steps."""
        return multiplier_to(io.output, self._factor(io))

    def _factor(self, io: OpIO) -> float:
        """From input to output steps; TFLite 2.14 `quantize.cc` divides in double."""
        return io.input(0).type.scale / io.output.type.scale

    def summary(self, io: OpIO) -> str:
        """See `Op.summary`."""
        return f"{io.input(0).type.dtype.value} to {io.output.type.dtype.value}"

    def table(self, io: OpIO) -> Array:
        """The output for every 8-bit input q, [256] in the output's dtype, at q modulo 256."""
        source = io.input(0).type
        return self._requantised(io, np.arange(256, dtype=np.uint8).view(source.dtype.numpy))

    def _requantised(self, io: OpIO, x: Array) -> Array:
        """The outputs of integers."""
        source, target = io.input(0).type, io.output.type
        if self.through_real:
            return self._from_float(target, real_values(source, x))
        out = multiply_by(x.astype(np.int64) - source.zero_point, self.multiplier(io))
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
        if x.dtype == np.int16:
            return (self._requantised(io, x),)
        return (np.asarray(self.table(io)[x.view(np.uint8)]),)


def real_values(kind: TensorType, x: Array) -> Array:
    """What quantised values stand for, float32; TFLite `reference/dequantize.h`, in double."""
    return ((x.astype(np.float64) - kind.zero_point) * kind.scale).astype(np.float32)

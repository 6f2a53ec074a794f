"""QUANTIZE between 8-bit types: another scale, zero point or signedness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import DType, Op, OpIO, Origin
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
        if io.input(0).type.dtype is DType.FLOAT32:
            return [
                Problem(
                    f"input {io.input(0).name!r} is float32",
                    why="generated code has no floating point",
                    hint="convert the model with int8 input and output "
                    "(converter.inference_input_type = tf.int8, and the same for the output)",
                )
            ]
        return (
            rules.quantised_problems(io.input(0), role="input", dtypes=DTYPES)
            + rules.quantised_problems(io.output, role="output", dtypes=DTYPES)
            + rules.shape_problems(io.output, io.input(0).type.shape)
        ) or rescale_problems(self._factor(io), 255)

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

    def row_windows(self, io: OpIO) -> tuple[RowWindow | None, ...] | None:
        """See `Op.row_windows`."""
        return rules.elementwise_rows(io)

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: `reference/requantize.h`."""
        x = values[0]
        assert x is not None
        return (np.asarray(self.table(io)[x.view(np.uint8)]),)

"""DEQUANTIZE: 8-bit and int16 values as the real ones that they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from edgegen.errors import Problem
from edgegen.ir import DType, Op, OpIO, Origin
from edgegen.ir.raw import RawNode
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.quantize import DTYPES, real_values


@dataclass(frozen=True)
class Dequantize(Op):
    """scale * (value - zero point) of every value, float32."""

    stem: ClassVar[str] = "dequantize"
    sources: ClassVar[tuple[str, ...]] = ("DEQUANTIZE",)
    elementwise: ClassVar[bool] = True

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Dequantize:
        """See `Op.parse`."""
        return cls(node.inputs, node.outputs, origin)

    def node(self, io: OpIO) -> RawNode:  # noqa: ARG002
        """See `Op.node`."""
        return self.tflite("DEQUANTIZE", 2)

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = rules.count_problems(io, (1, 1))
        if problems:
            return problems
        if io.output.type.dtype is not DType.FLOAT32:
            kind = io.output.type.dtype.value
            problems.append(Problem(f"output {io.output.name!r} is {kind} instead of float32"))
        return (
            problems
            + rules.quantised_problems(io.input(0), role="input", dtypes=DTYPES)
            + rules.shape_problems(io.output, io.input(0).type.shape)
        )

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`."""
        x, kind = values[0], io.input(0).type
        assert x is not None
        return (real_values(kind, x),)

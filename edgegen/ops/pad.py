"""PAD and PADV2 on int8, int16 and float32: a constant border around a tensor.

Source: TFLite 2.14 `kernels/pad.cc`: PAD fills with zero (on int8 the output's zero point), PADV2
with a constant that has the output's quantisation; at most five dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import DType, Op, OpIO, Origin
from edgegen.ir.int8_form import Int8Form
from edgegen.ir.permuted import Permuted
from edgegen.ir.raw import RawNode
from edgegen.ir.types import Array
from edgegen.ops import rules

MAX_RANK = 5


@dataclass(frozen=True)
class Pad(Op):
    """Padding. Input 1: [rank, 2] amounts before and after each axis; input 2: the fill."""

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "pad"
    sources: ClassVar[tuple[str, ...]] = ("PAD", "PADV2")

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Pad:
        """See `Op.parse`."""
        return cls(inputs=node.inputs, outputs=node.outputs, origin=origin)

    def node(self, io: OpIO) -> RawNode:
        """See `Op.node`."""
        kind = "PAD" if io.optional(2) is None else "PADV2"
        return self.tflite(kind, rules.version(io, int8=2, int16=3))

    def int8_form(self, io: OpIO) -> Int8Form:
        """See `Op.int8_form`."""
        return Int8Form(shared=(0,) if io.optional(2) is None else (0, 2))

    def amounts(self, io: OpIO) -> tuple[tuple[int, int], ...]:
        """Elements before and after each axis."""
        flat = rules.int_constant(io, 1)
        assert flat is not None
        values = [int(v) for v in flat.tolist()]
        return tuple(zip(values[::2], values[1::2], strict=True))

    def fill(self, io: OpIO) -> int:
        """The quantised value of an int8 tensor's border."""
        constant = rules.int_constant(io, 2)
        return io.output.type.zero_point if constant is None else int(constant[0])

    def float_fill(self, io: OpIO) -> float:
        """The value of a float32 tensor's border."""
        constant = io.optional(2)
        return 0.0 if constant is None else float(constant.values.ravel()[0])

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = rules.count_problems(io, (2, 3)) or (
            rules.value_problems(io, io.input(0), role="input", int16=True)
            + rules.value_problems(io, io.output, role="output", int16=True)
            + rules.same_quant_problems(io.input(0), io.output)
            + self._amount_problems(io)
            + self._fill_problems(io)
        )
        if problems:
            return problems
        amounts = self.amounts(io)
        if any(before < 0 or after < 0 for before, after in amounts):
            return [Problem(f"padding {[list(a) for a in amounts]} is negative")]
        shape = io.input(0).type.shape
        padded = [d + before + after for d, (before, after) in zip(shape, amounts, strict=True)]
        return rules.shape_problems(io.output, padded)

    def _amount_problems(self, io: OpIO) -> list[Problem]:
        tensor, rank = io.input(1), len(io.input(0).type.shape)
        if tensor.data is None:
            return [
                Problem(
                    f"padding {tensor.name!r} is computed at run time",
                    why="every shape must be known when the code is generated",
                )
            ]
        if tensor.type.dtype not in (DType.INT32, DType.INT64):
            return [
                Problem(f"padding {tensor.name!r} is {tensor.type.dtype.value}, not int32 or int64")
            ]
        if not 1 <= rank <= MAX_RANK:
            return [Problem(f"input has {rank} dimensions instead of 1 to {MAX_RANK}")]
        return rules.shape_problems(tensor, (rank, 2), role="padding")

    def _fill_problems(self, io: OpIO) -> list[Problem]:
        tensor = io.optional(2)
        if tensor is None:
            return []
        problems = rules.constant_problems(tensor, role="fill", dtype=io.output.type.dtype)
        if tensor.type.elements != 1:
            problems.append(Problem(f"fill {tensor.name!r} has {tensor.type.elements} values"))
        return problems or rules.same_quant_problems(tensor, io.output)

    def summary(self, io: OpIO) -> str:
        """See `Op.summary`."""
        return "border " + " ".join(f"{before}+{after}" for before, after in self.amounts(io))

    def permuted(self, io: OpIO, order: tuple[int, ...]) -> Permuted:
        """See `Op.permuted`."""
        amounts = io.input(1).values.reshape(-1, 2)[list(order)]
        return Permuted(self, order, constants={1: np.ascontiguousarray(amounts)})

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`."""
        assert values[0] is not None
        real = rules.is_float(io)
        fill = np.float32(self.float_fill(io)) if real else self.fill(io)
        return (np.pad(values[0], self.amounts(io), constant_values=fill),)

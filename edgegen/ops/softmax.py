"""SOFTMAX on int8, int16 and float32 over the last dimension."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import Op, OpIO, Origin
from edgegen.ir.int8_form import Int8Form
from edgegen.ir.permuted import Permuted
from edgegen.ir.raw import RawNode
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.softmax16 import INT16_SCALE, softmax16, softmax16_problems
from edgegen.quant.fixed_point import Int64, doubling_high_multiply, rounding_divide_by_pot
from edgegen.quant.gemmlowp import reciprocal, softmax_exp, softmax_scaling

EXP_BITS = 5
"""Integer bits of the argument of exp."""
SUM_BITS = 12
"""Integer bits of the sum of exponentials."""
MAX_DEPTH = (1 << SUM_BITS) - 1
"""Longest last dimension whose sum of exponentials always fits."""
OUTPUT_SCALE, OUTPUT_ZERO_POINT = 1.0 / 256.0, -128


@dataclass(frozen=True)
class Softmax(Op):
    """exp(beta * x) / sum(exp(beta * x)) over the last dimension.

    On int8 the output's scale is 1/256, its zero point -128; on int16 the scale is 2^-15.

    Where the exponentials, relative to the largest, sum to 512 or more, TFLite shifts an int32 by
    32 bits and the result depends on the machine; here it is the rounded true value, the lowest
    output.
    """

    beta: float

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "softmax"
    sources: ClassVar[tuple[str, ...]] = ("SOFTMAX",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Softmax:
        """See `Op.parse`."""
        # Without an options table TFLite reads beta as 0 and gives up; so does `check`.
        return cls(node.inputs, node.outputs, origin, beta=node.number("beta", 0.0))

    def node(self, io: OpIO) -> RawNode:
        """See `Op.node`."""
        return self.tflite("SOFTMAX", rules.version(io, int8=2, int16=3), beta=self.beta)

    def int8_form(self, io: OpIO) -> Int8Form:  # noqa: ARG002
        """See `Op.int8_form`."""
        return Int8Form(output=(OUTPUT_SCALE, OUTPUT_ZERO_POINT))

    def int16_form(self, io: OpIO) -> Int8Form:  # noqa: ARG002
        """See `Op.int16_form`."""
        return Int8Form(output=(INT16_SCALE, 0))

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = rules.count_problems(io, (1, 1)) or (
            rules.value_problems(io, io.input(0), role="input", int16=True)
            + rules.value_problems(io, io.output, role="output", int16=True)
        )
        if problems:
            return problems
        problems = rules.shape_problems(io.output, io.input(0).type.shape)
        if not io.input(0).type.shape:
            problems.append(Problem(f"input {io.input(0).name!r} has no dimension to sum over"))
        if rules.is_int16(io):
            return problems or softmax16_problems(io, self.beta)
        return problems + ([] if rules.is_float(io) else self._int8_problems(io))

    def _int8_problems(self, io: OpIO) -> list[Problem]:
        """What the fixed-point arithmetic demands besides."""
        problems = []
        out, shape = io.output.type, io.input(0).type.shape
        # The reference tolerates a thousandth and computes as if the scale were exact.
        near = abs(out.scale - OUTPUT_SCALE) <= 0.001 * OUTPUT_SCALE
        if not near or out.zero_point != OUTPUT_ZERO_POINT:
            problems.append(
                Problem(
                    f"output {io.output.name!r} has scale {out.scale:.7g} and zero point "
                    f"{out.zero_point}",
                    why="softmax on int8 gives scale 1/256 and zero point -128",
                )
            )
        if shape and shape[-1] > MAX_DEPTH:
            problems.append(
                Problem(
                    f"{shape[-1]} values in the last dimension are more than {MAX_DEPTH}",
                    why="the sum of their exponentials could overflow",
                )
            )
        if softmax_scaling(self.beta, io.input(0).type.scale, EXP_BITS) is None:
            problems.append(
                Problem(f"beta {self.beta:g} times the input's scale must be above 2^-26")
            )
        return problems

    def summary(self, io: OpIO) -> str:  # noqa: ARG002
        """See `Op.summary`."""
        return "" if self.beta == 1.0 else f"beta {self.beta:g}"

    def exponentials(self, io: OpIO) -> Int64:
        """Exponentials of minus the differences 0 to 255 from the row's maximum, Q0.31, [256]."""
        scaling = softmax_scaling(self.beta, io.input(0).type.scale, EXP_BITS)
        assert scaling is not None
        return softmax_exp(scaling, EXP_BITS)

    def permuted(self, io: OpIO, order: tuple[int, ...]) -> Permuted | None:  # noqa: ARG002
        """See `Op.permuted`: the last dimension must stay the last."""
        return Permuted(self, order) if order and order[-1] == len(order) - 1 else None

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: TFLite `reference/softmax.h`."""
        x = values[0]
        assert x is not None
        if rules.is_float(io):
            scaled = np.exp((x - x.max(axis=-1, keepdims=True)).astype(np.float64) * self.beta)
            return ((scaled / scaled.sum(axis=-1, keepdims=True)).astype(np.float32),)
        if rules.is_int16(io):
            return (softmax16(io, self.beta, x),)
        rows = x.astype(np.int64)
        exps = self.exponentials(io)[rows.max(axis=-1, keepdims=True) - rows]
        total = rounding_divide_by_pot(exps, SUM_BITS).sum(axis=-1, keepdims=True)
        scale, exponent = reciprocal(total, SUM_BITS)
        # From Q0.31 to steps of 1/256.
        steps = rounding_divide_by_pot(doubling_high_multiply(scale, exps), exponent + (31 - 8))
        return (rules.saturate(steps + OUTPUT_ZERO_POINT, -128, 127),)

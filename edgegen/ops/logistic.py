"""LOGISTIC (sigmoid) on int8, int16 and float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import Op, OpIO, Origin
from edgegen.ir.int8_form import Int8Form
from edgegen.ir.raw import RawNode
from edgegen.ir.row_window import RowWindow
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.sigmoid16 import INT16_SCALE, Rescaling, logistic16, rescaling, sigmoid16_problems
from edgegen.quant.lookup import Float32, Int8, apply, exp, lookup_table

OUTPUT_SCALE, OUTPUT_ZERO_POINT = 1.0 / 256.0, -128


def logistic(x: Float32) -> Float32:
    """1 / (1 + exp(-x)) with every step in float32."""
    return np.float32(1) / (np.float32(1) + exp(-x))


@dataclass(frozen=True)
class Logistic(Op):
    """1 / (1 + exp(-x)) of every element; on int8 the output scale is 1/256, its zero point any.

    On int16 the output scale is 2^-15.
    """

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "logistic"
    sources: ClassVar[tuple[str, ...]] = ("LOGISTIC",)
    elementwise: ClassVar[bool] = True

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Logistic:
        """See `Op.parse`."""
        return cls(node.inputs, node.outputs, origin)

    def node(self, io: OpIO) -> RawNode:
        """See `Op.node`."""
        return self.tflite("LOGISTIC", rules.version(io, int8=2, int16=3))

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
        if rules.is_int16(io):
            return problems + sigmoid16_problems(io, exact=True)
        if not rules.is_float(io) and io.output.type.scale != OUTPUT_SCALE:
            problems.append(
                Problem(
                    f"output {io.output.name!r} has scale {io.output.type.scale:.7g}",
                    why="the logistic function on int8 gives scale 1/256",
                )
            )
        return problems

    def table(self, io: OpIO) -> Int8:
        """The output for every input q, at index q modulo 256.

        Source: TFLite 2.14 `activations.cc`: the reference kernel is a table computed in float32,
        not the fixed-point function of `integer_ops/logistic.h`.
        """
        return lookup_table(io.input(0).type, io.output.type, logistic)

    def rescaling(self, io: OpIO) -> Rescaling:
        """How int16 inputs become arguments of the table."""
        return rescaling(io)

    def row_windows(self, io: OpIO) -> tuple[RowWindow | None, ...] | None:
        """See `Op.row_windows`."""
        return rules.elementwise_rows(io)

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`."""
        x = values[0]
        assert x is not None
        if rules.is_float(io):
            return ((1.0 / (1.0 + np.exp(-x.astype(np.float64)))).astype(np.float32),)
        if rules.is_int16(io):
            return (logistic16(self.rescaling(io), x),)
        return (apply(self.table(io), x),)

"""TRANSPOSE: another order of axes. Source: TFLite 2.14 `kernels/transpose.cc`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import DType, Op, OpIO, Origin
from edgegen.ir.int8_form import Int8Form
from edgegen.ir.raw import RawNode
from edgegen.ir.types import Array
from edgegen.ops import rules

MAX_RANK = 6


@dataclass(frozen=True)
class Transpose(Op):
    """Axis k of the output is axis `order[k]` of the input. Input 1 holds the order."""

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "transpose"
    sources: ClassVar[tuple[str, ...]] = ("TRANSPOSE",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Transpose:
        """See `Op.parse`."""
        return cls(node.inputs, node.outputs, origin)

    def node(self, io: OpIO) -> RawNode:
        """See `Op.node`."""
        return self.tflite("TRANSPOSE", rules.version(io, int8=2))

    def int8_form(self, io: OpIO) -> Int8Form:  # noqa: ARG002
        """See `Op.int8_form`."""
        return Int8Form(shared=(0,))

    def order(self, io: OpIO) -> tuple[int, ...]:
        """The order of axes, counted from the start."""
        rank = len(io.input(0).type.shape)
        values = rules.int_constant(io, 1)
        assert values is not None
        return tuple(int(v) % max(rank, 1) for v in values)

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`. Any element type may pass, since values only move."""
        problems = rules.count_problems(io, (2, 2)) or rules.constant_problems(
            io.input(1), role="order of axes", dtype=DType.INT32
        )
        if problems:
            return problems
        shape = io.input(0).type.shape
        rank = len(shape)
        values = rules.int_constant(io, 1)
        assert values is not None
        if rank > MAX_RANK:
            return [Problem(f"input has {rank} dimensions, more than {MAX_RANK}")]
        whole = len(values) == rank and all(-rank <= v < rank for v in values)
        if not whole or len(set(self.order(io))) != rank:
            return [Problem(f"{values.tolist()} is no order of {rank} axes")]
        expected = tuple(shape[a] for a in self.order(io))
        quant = io.input(0).type.quant
        problems = rules.same_quant_problems(io.input(0), io.output)
        if quant is not None and quant.per_channel:
            problems.append(Problem(f"input {io.input(0).name!r} has per-channel quantisation"))
        return problems + rules.shape_problems(io.output, expected)

    def summary(self, io: OpIO) -> str:
        """See `Op.summary`."""
        return "axes " + " ".join(map(str, self.order(io)))

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`."""
        assert values[0] is not None
        return (np.ascontiguousarray(values[0].transpose(self.order(io))),)

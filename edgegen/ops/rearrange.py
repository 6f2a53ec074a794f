"""REARRANGE: moves elements. Transposes, slices, tiles, pads and repeats are all of this form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import DType, Op, OpIO, Origin
from edgegen.ir.raw import RawNode
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.quant.fixed_point import Int64

OUTSIDE = -1
"""An entry of the tables for what lies outside the input: the output is the fill."""


@dataclass(frozen=True)
class Rearrange(Op):
    """Output element (i0, i1, ...) is the input's element at the sum of one table entry an axis.

    Input 1 holds the tables, one after the other: for each index along each of `sizes`, an offset
    into the flattened input, or `OUTSIDE`. The output has as many elements as there are
    combinations, in any shape.

    Attributes:
        sizes: indices along each axis, outermost first.
        start: added to every offset.
        fill: the value of elements outside, quantised where the tensor is.
    """

    sizes: tuple[int, ...]
    start: int
    fill: float

    stem: ClassVar[str] = "rearrange"
    sources: ClassVar[tuple[str, ...]] = ("rearrange",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Rearrange:
        """See `Op.parse`."""
        fill = node.number("fill", 0.0)
        return cls(
            node.inputs,
            node.outputs,
            origin,
            node.integers("sizes"),
            node.integer("start", 0),
            fill,
        )

    def tables(self, io: OpIO) -> tuple[Int64, ...]:
        """The offsets along each axis, each [size]."""
        flat = rules.int_constant(io, 1)
        assert flat is not None
        ends = np.cumsum(self.sizes, dtype=np.int64)
        return tuple(np.split(flat.astype(np.int64), ends[:-1]))

    def fills(self, io: OpIO) -> bool:
        """Whether any element lies outside."""
        return any(bool((t < 0).any()) for t in self.tables(io))

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = rules.count_problems(io, (2, 2)) or rules.constant_problems(
            io.input(1), role="tables", dtype=DType.INT32
        )
        if problems:
            return problems
        source, out = io.input(0), io.output
        problems = rules.same_quant_problems(source, out)
        if io.input(1).type.elements != sum(self.sizes) or min(self.sizes, default=1) < 1:
            return [*problems, Problem("the tables do not have the sizes of the axes")]
        if math.prod(self.sizes) != out.type.elements:
            problems.append(
                Problem(f"{list(self.sizes)} elements do not fill {list(out.type.shape)}")
            )
        tables = self.tables(io)
        inside = [t[t >= 0] for t in tables]
        if all(t.size for t in inside):
            low, high = (self.start + sum(int(f(t)) for t in inside) for f in (np.min, np.max))
            if low < 0 or high >= source.type.elements:
                problems.append(Problem(f"elements {low} to {high} are not all in {source.type}"))
        return problems

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`."""
        x = values[0]
        assert x is not None
        at: Int64 = np.full((1,) * len(self.sizes), self.start, np.int64)
        outside = np.zeros((1,) * len(self.sizes), np.bool_)
        for axis, table in enumerate(self.tables(io)):
            along = table.reshape((-1,) + (1,) * (len(self.sizes) - axis - 1))
            at = at + np.where(along < 0, 0, along)
            outside = outside | (along < 0)
        picked = x.ravel()[np.where(outside, 0, at)]
        fill = np.array(self.fill, x.dtype)
        return (np.where(outside, fill, picked).reshape(io.output.type.shape),)

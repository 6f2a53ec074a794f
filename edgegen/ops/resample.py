"""RESAMPLE: weighted means of a few elements along one axis, as interpolation needs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import DType, Op, OpIO, Origin
from edgegen.ir.raw import RawNode
from edgegen.ir.types import Array
from edgegen.ops import rules


@dataclass(frozen=True)
class Resample(Op):
    """Each output is a weighted sum of a few elements along `axis`.

    Inputs: data, places int32 [outputs, taps] along the axis, weights float32 of that shape.
    """

    axis: int

    stem: ClassVar[str] = "resample"
    sources: ClassVar[tuple[str, ...]] = ("resample",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Resample:
        """See `Op.parse`."""
        return cls(node.inputs, node.outputs, origin, node.integer("axis", 0))

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = rules.count_problems(io, (3, 3)) or (
            rules.constant_problems(io.input(1), role="places", dtype=DType.INT32)
            + rules.constant_problems(io.input(2), role="weights", dtype=DType.FLOAT32)
            + rules.rank_problems(io.input(1), 2, role="places")
            + rules.shape_problems(io.input(2), io.input(1).type.shape, role="weights")
        )
        if problems:
            return problems
        source, places = io.input(0).type, io.input(1).values
        if source.dtype is not DType.FLOAT32 or io.output.type.dtype is not DType.FLOAT32:
            problems.append(Problem("computes on float32 only"))
        if not 0 <= self.axis < len(source.shape):
            return [*problems, Problem(f"axis {self.axis} is not in {source}")]
        if places.size and not 0 <= places.min() <= places.max() < source.shape[self.axis]:
            problems.append(Problem(f"places are not all on axis {self.axis} of {source}"))
        expected = list(source.shape)
        expected[self.axis] = places.shape[0]
        return problems + rules.shape_problems(io.output, expected)

    def macs(self, io: OpIO) -> int:
        """See `Op.macs`."""
        return io.output.type.elements * io.input(1).type.shape[1]

    def summary(self, io: OpIO) -> str:
        """See `Op.summary`."""
        return f"{io.input(1).type.shape[1]} taps along axis {self.axis}"

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:  # noqa: ARG002
        """See `Op.evaluate`."""
        x, places, weights = values
        assert x is not None
        assert places is not None
        assert weights is not None
        rows = np.moveaxis(x.astype(np.float64), self.axis, 0)[places]
        total = np.einsum("ot...,ot->o...", rows, weights.astype(np.float64))
        return (np.ascontiguousarray(np.moveaxis(total, 0, self.axis)).astype(np.float32),)

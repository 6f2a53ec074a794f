"""TOP_K: the largest or smallest elements along an axis, or where they are."""

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
class TopK(Op):
    """The best elements in order, best first; of equal ones the first counts as better.

    Attributes:
        axis: counted from the start; its size in the output says how many.
        largest: whether the largest or the smallest are wanted.
        places: whether the output holds their indices, int64, instead of themselves.
    """

    axis: int
    largest: bool
    places: bool

    stem: ClassVar[str] = "top_k"
    sources: ClassVar[tuple[str, ...]] = ("top_k",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> TopK:
        """See `Op.parse`."""
        flags = node.flag("largest"), node.flag("places")
        return cls(node.inputs, node.outputs, origin, node.integer("axis", 0), *flags)

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = rules.count_problems(io, (1, 1))
        if problems:
            return problems
        source, out = io.input(0).type, io.output.type
        if not 0 <= self.axis < len(source.shape) or len(out.shape) != len(source.shape):
            return [Problem(f"axis {self.axis} of {source} and {out}")]
        wanted = DType.INT64 if self.places else source.dtype
        if out.dtype is not wanted or source.dtype is DType.BOOL:
            problems.append(Problem(f"{source.dtype.value} to {out.dtype.value}"))
        expected = list(source.shape)
        expected[self.axis] = out.shape[self.axis]
        if not 1 <= out.shape[self.axis] <= source.shape[self.axis]:
            problems.append(
                Problem(f"{out.shape[self.axis]} of {source.shape[self.axis]} elements")
            )
        return problems + rules.shape_problems(io.output, expected)

    def summary(self, io: OpIO) -> str:
        """See `Op.summary`."""
        kind = "largest" if self.largest else "smallest"
        return f"{io.output.type.shape[self.axis]} {kind} along axis {self.axis}"

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: the ONNX operator TopK."""
        x = values[0]
        assert x is not None
        count, size = io.output.type.shape[self.axis], x.shape[self.axis]
        if self.largest:
            # A stable order of the reversed axis, reversed: equal elements keep their order.
            order = size - 1 - np.argsort(np.flip(x, self.axis), axis=self.axis, kind="stable")
            order = np.flip(order, self.axis)
        else:
            order = np.argsort(x, axis=self.axis, kind="stable")
        best = np.take(order, range(count), axis=self.axis)
        if self.places:
            return (np.ascontiguousarray(best.astype(np.int64)),)
        return (np.ascontiguousarray(np.take_along_axis(x, best, axis=self.axis)),)

"""CUMULATIVE: running sums and products along an axis. The ONNX front end makes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem, UnsupportedError
from edgegen.ir import DType, Op, OpIO, Origin
from edgegen.ir.raw import RawNode
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.pointwise_functions import converted

FUNCTIONS = ("sum", "product")


@dataclass(frozen=True)
class Cumulative(Op):
    """Each output is the `function` of the elements up to its own along `axis`.

    Attributes:
        function: one of `FUNCTIONS`.
        axis: counted from the start.
        exclusive: the element itself does not count.
        reverse: elements count from its own to the end instead.
    """

    function: str
    axis: int
    exclusive: bool
    reverse: bool

    stem: ClassVar[str] = "cumulative"
    sources: ClassVar[tuple[str, ...]] = ("cumulative",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Cumulative:
        """See `Op.parse`."""
        function = node.text("function", "sum")
        if function not in FUNCTIONS:
            raise UnsupportedError(Problem(f"cumulative {function!r} is unknown"))
        flags = node.flag("exclusive"), node.flag("reverse")
        return cls(node.inputs, node.outputs, origin, function, node.integer("axis", 0), *flags)

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = rules.count_problems(io, (1, 1))
        if problems:
            return problems
        source = io.input(0).type
        if source.dtype is not io.output.type.dtype or source.dtype is DType.BOOL:
            problems.append(Problem(f"{source.dtype.value} to {io.output.type.dtype.value}"))
        if not 0 <= self.axis < len(source.shape):
            problems.append(Problem(f"axis {self.axis} is not in {source}"))
        return problems + rules.shape_problems(io.output, source.shape)

    def summary(self, io: OpIO) -> str:  # noqa: ARG002
        """See `Op.summary`."""
        return f"{self.function} along axis {self.axis}"

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: the ONNX operators CumSum and CumProd."""
        x = values[0]
        assert x is not None
        real = x.dtype == np.float32
        wide = np.moveaxis(x.astype(np.float64 if real else np.int64), self.axis, 0)
        if self.reverse:
            wide = wide[::-1]
        neutral = np.zeros_like(wide[:1]) if self.function == "sum" else np.ones_like(wide[:1])
        if self.exclusive:
            wide = np.concatenate((neutral, wide[:-1]))
        running = np.cumsum(wide, axis=0) if self.function == "sum" else np.cumprod(wide, axis=0)
        result = np.moveaxis(running[::-1] if self.reverse else running, 0, self.axis)
        return (converted(np.ascontiguousarray(result), io.output.type.dtype),)

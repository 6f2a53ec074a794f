"""REDUCTION: sums, extremes, norms and where extremes are. The ONNX front end makes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from edgegen.errors import Problem, UnsupportedError
from edgegen.ir import DType, Op, OpIO, Origin
from edgegen.ir.raw import RawNode
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.pointwise_functions import converted

FUNCTIONS: Mapping[str, Callable[[npt.NDArray[Any]], npt.NDArray[Any]]] = {
    "sum": lambda x: x.sum(axis=-1),
    "mean": lambda x: x.sum(axis=-1) / x.shape[-1],
    "product": lambda x: x.prod(axis=-1),
    "max": lambda x: x.max(axis=-1),
    "min": lambda x: x.min(axis=-1),
    "norm1": lambda x: np.abs(x).sum(axis=-1),
    "norm2": lambda x: np.sqrt((x * x).sum(axis=-1)),
    "sum_square": lambda x: (x * x).sum(axis=-1),
    "log_sum": lambda x: np.log(x.sum(axis=-1)),
    "arg_max": lambda x: x.argmax(axis=-1),
    "arg_min": lambda x: x.argmin(axis=-1),
    "last_arg_max": lambda x: x.shape[-1] - 1 - x[..., ::-1].argmax(axis=-1),
    "last_arg_min": lambda x: x.shape[-1] - 1 - x[..., ::-1].argmin(axis=-1),
}
"""On float64 or int64 values, over the last axis. Integer sums wrap around in the element type."""

REAL_ONLY = frozenset({"log_sum", "mean"})
WHERE = frozenset({"arg_max", "arg_min", "last_arg_max", "last_arg_min"})
"""Functions that give an index, int64, of one axis."""


@dataclass(frozen=True)
class Reduction(Op):
    """`function` over `axes`; the output keeps the other dimensions, with or without ones."""

    function: str
    axes: tuple[int, ...]

    stem: ClassVar[str] = "reduction"
    sources: ClassVar[tuple[str, ...]] = ("reduction",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Reduction:
        """See `Op.parse`."""
        name = node.text("function", "")
        if name not in FUNCTIONS:
            raise UnsupportedError(Problem(f"reduction {name!r} is unknown"))
        return cls(node.inputs, node.outputs, origin, name, node.integers("axes"))

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = rules.count_problems(io, (1, 1))
        if problems:
            return problems
        source, out = io.input(0).type, io.output.type
        if any(not 0 <= a < len(source.shape) for a in self.axes):
            return [Problem(f"axes {list(self.axes)} are not all in {source}")]
        kept = math.prod(d for i, d in enumerate(source.shape) if i not in self.axes)
        wanted = DType.INT64 if self.function in WHERE else source.dtype
        if kept != out.elements or not source.elements:
            problems.append(Problem(f"{out} does not hold one value for each of {kept}"))
        if out.dtype is not wanted:
            problems.append(Problem(f"the output is {out.dtype.value} instead of {wanted.value}"))
        if self.function in REAL_ONLY and source.dtype is not DType.FLOAT32:
            problems.append(Problem(f"{self.function} of {source.dtype.value}"))
        if self.function in WHERE and len(self.axes) != 1:
            problems.append(Problem(f"{self.function} over {len(self.axes)} axes"))
        return problems

    def summary(self, io: OpIO) -> str:  # noqa: ARG002
        """See `Op.summary`."""
        return f"{self.function} over axes {', '.join(map(str, self.axes))}"

    def count(self, io: OpIO) -> int:
        """Values that make one output."""
        return math.prod(io.input(0).type.shape[a] for a in self.axes)

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: the ONNX operators Reduce..., ArgMax and ArgMin."""
        x = values[0]
        assert x is not None
        kept = [i for i in range(x.ndim) if i not in self.axes]
        rows = x.transpose(*kept, *sorted(self.axes)).reshape(-1, self.count(io))
        wide = rows.astype(np.float64 if x.dtype == np.float32 else np.int64)
        result = np.asarray(FUNCTIONS[self.function](wide))
        return (converted(result, io.output.type.dtype).reshape(io.output.type.shape),)

"""POOLING: maxima, means and norms of windows, channels first. The ONNX front end makes it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from edgegen.errors import Problem, UnsupportedError
from edgegen.ir import DType, Op, OpIO, Origin
from edgegen.ir.raw import RawNode
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.pointwise_functions import converted
from edgegen.ops.spatial import Spatial

FUNCTIONS = ("max", "first_max", "average", "power")


@dataclass(frozen=True)
class Pooling(Op):
    """`function` of every window of a tensor [batch, channels, space...].

    `max` is 0 where a window sees no input. `first_max` gives the index of the first maximum in the
    flattened input. `average` divides by the elements that count: those of the input, and of its
    padding with `include_padding`. `power` is (sum |x|^p)^(1/p).

    Attributes:
        function: one of `FUNCTIONS`.
        windows: the windows.
        include_padding: see above.
        column_major: `first_max` counts with the first spatial axis innermost.
        power: p of `power`.
    """

    function: str
    windows: Spatial
    include_padding: bool
    column_major: bool
    power: int

    stem: ClassVar[str] = "pooling"
    sources: ClassVar[tuple[str, ...]] = ("pooling",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Pooling:
        """See `Op.parse`."""
        function = node.text("function", "")
        if function not in FUNCTIONS:
            raise UnsupportedError(Problem(f"pooling {function!r} is unknown"))
        return cls(
            node.inputs,
            node.outputs,
            origin,
            function,
            Spatial.parse(node),
            node.flag("include_padding"),
            node.flag("column_major"),
            node.integer("power", 2),
        )

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = rules.count_problems(io, (1, 1))
        if problems:
            return problems
        source, out = io.input(0).type, io.output.type
        if len(source.shape) < 3 or source.shape[:2] != out.shape[:2]:
            return [Problem(f"{source} and {out} differ in batch or channels, or have no space")]
        wanted = DType.INT64 if self.function == "first_max" else source.dtype
        if out.dtype is not wanted:
            problems.append(Problem(f"the output is {out.dtype.value} instead of {wanted.value}"))
        if self.function in ("average", "power") and source.dtype is not DType.FLOAT32:
            problems.append(Problem(f"{self.function} of {source.dtype.value}"))
        if self.power < 1:
            problems.append(Problem(f"the norm of power {self.power}"))
        return problems + self.windows.problems(source.shape[2:], out.shape[2:])

    def summary(self, io: OpIO) -> str:  # noqa: ARG002
        """See `Op.summary`."""
        return f"{self.function}, {self.windows.summary}"

    def index_steps(self, io: OpIO) -> tuple[int, ...]:
        """What one step along each spatial axis adds to an index of `first_max`."""
        space = io.input(0).type.shape[2:]
        count = len(space)
        if self.column_major:
            return tuple(math.prod(space[:i]) for i in range(count))
        return tuple(math.prod(space[i + 1 :]) for i in range(count))

    def counted(self, io: OpIO) -> tuple[tuple[int, int], ...]:
        """The range of positions along each spatial axis that `average` counts."""
        space = io.input(0).type.shape[2:]
        if not self.include_padding:
            return tuple((0, d) for d in space)
        return tuple(
            (-before, d + after)
            for d, before, after in zip(space, self.windows.before, self.windows.after, strict=True)
        )

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: the ONNX operators MaxPool, AveragePool and LpPool."""
        x = values[0]
        assert x is not None
        outputs = io.output.type.shape[2:]
        taps = tuple(range(-len(outputs), 0))
        wide = x.astype(np.float64)
        if self.function == "average":
            total = self.windows.views(wide, outputs, 0.0).sum(axis=taps)
            counts = self._counts(io)
            result = np.where(counts > 0, total / np.maximum(counts, 1), 0.0)
        elif self.function == "power":
            powers = np.abs(self.windows.views(wide, outputs, 0.0)) ** self.power
            result = powers.sum(axis=taps) ** (1.0 / self.power)
        elif self.function == "max":
            best = self.windows.views(wide, outputs, -np.inf).max(axis=taps)
            # A window that sees nothing has 0; minus infinity may be a value all the same.
            seen = self.windows.views(np.ones_like(wide), outputs, 0.0).any(axis=taps)
            result = np.where(seen, best, 0.0)
        else:
            result = self._first_max(io, wide)
        return (converted(np.asarray(result), io.output.type.dtype),)

    def _counts(self, io: OpIO) -> npt.NDArray[np.int64]:
        """How many elements each window's mean is of, [1, 1, outputs...]."""
        counts = np.ones((1, 1), np.int64)
        outputs = io.output.type.shape[2:]
        w = self.windows
        for axis, (low, high) in enumerate(self.counted(io)):
            first = np.arange(outputs[axis]) * w.stride[axis] - w.before[axis]
            at = first[:, np.newaxis] + np.arange(w.size[axis]) * w.dilation[axis]
            along = ((at >= low) & (at < high)).sum(axis=1)
            counts = counts[..., np.newaxis] * along
        return counts

    def _first_max(self, io: OpIO, x: Array) -> Array:
        outputs = io.output.type.shape[2:]
        # The window's first maximum in row-major order, as a position in the input.
        views = self.windows.views(x, outputs, -np.inf)
        flat = views.reshape(*views.shape[: -len(outputs)], -1)
        tap = np.unravel_index(flat.argmax(axis=-1), self.windows.size)
        base = np.arange(math.prod(x.shape[:2])).reshape(*x.shape[:2], *(1,) * len(outputs))
        where = base * math.prod(x.shape[2:])
        for axis, step in enumerate(self.index_steps(io)):
            w = self.windows
            first = np.arange(outputs[axis]) * w.stride[axis] - w.before[axis]
            along = first.reshape(-1, *(1,) * (len(outputs) - axis - 1))
            where = where + (along + tap[axis] * w.dilation[axis]) * step
        return np.asarray(where)

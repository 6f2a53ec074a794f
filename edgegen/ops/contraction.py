"""CONTRACTION: sums of products, any product of matrices or Einstein sum of two tensors."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import DType, Op, OpIO, Origin
from edgegen.ir.raw import RawNode
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.pointwise_functions import converted
from edgegen.ops.strided import Steps, nest_problems, view


@dataclass(frozen=True)
class Contraction(Op):
    """Each output is a sum over the inner loops of products of two elements; integers wrap around.

    Attributes:
        sizes: loops over the output, outermost first.
        steps: of the two inputs along them, in elements.
        inner_sizes: loops of the sum.
        inner_steps: of the two inputs along those.
    """

    sizes: tuple[int, ...]
    steps: tuple[Steps, Steps]
    inner_sizes: tuple[int, ...]
    inner_steps: tuple[Steps, Steps]

    stem: ClassVar[str] = "contraction"
    sources: ClassVar[tuple[str, ...]] = ("contraction",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Contraction:
        """See `Op.parse`."""
        return cls(
            node.inputs,
            node.outputs,
            origin,
            node.integers("sizes"),
            (node.integers("a_steps"), node.integers("b_steps")),
            node.integers("inner_sizes"),
            (node.integers("a_inner_steps"), node.integers("b_inner_steps")),
        )

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = rules.count_problems(io, (2, 2))
        if problems:
            return problems
        kinds = {t.type.dtype for t in (io.input(0), io.input(1), io.output)}
        if len(kinds) != 1 or DType.BOOL in kinds:
            problems.append(Problem(f"computes on {sorted(k.value for k in kinds)}"))
        if math.prod(self.sizes) != io.output.type.elements:
            problems.append(Problem(f"{list(self.sizes)} elements do not fill {io.output.type}"))
        if len(self.sizes) + len(self.inner_sizes) > len(string.ascii_letters):
            return [*problems, Problem("more loops than numpy has letters for")]
        for i in range(2):
            sizes = (*self.sizes, *self.inner_sizes)
            steps = (*self.steps[i], *self.inner_steps[i])
            problems += nest_problems(io.input(i), sizes, steps)
        return problems

    def macs(self, io: OpIO) -> int:
        """See `Op.macs`."""
        return io.output.type.elements * math.prod(self.inner_sizes)

    def summary(self, io: OpIO) -> str:  # noqa: ARG002
        """See `Op.summary`."""
        return f"sums of {math.prod(self.inner_sizes)} products"

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`."""
        sizes = (*self.sizes, *self.inner_sizes)
        wide = np.float64 if rules.is_float(io) else np.int64
        letters = string.ascii_letters[: len(sizes)]
        operands = []
        for value, outer, inner in zip(values, self.steps, self.inner_steps, strict=True):
            assert value is not None
            operands.append(view(value.astype(wide), sizes, (*outer, *inner)))
        kept = letters[: len(self.sizes)]
        result = np.einsum(f"{letters},{letters}->{kept}", *operands)
        return (converted(np.asarray(result), io.output.type.dtype).reshape(io.output.type.shape),)

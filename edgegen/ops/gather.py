"""GATHER: elements at indices that are known only at run time. The ONNX front end makes it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from edgegen.errors import Problem
from edgegen.ir import Op, OpIO, Origin
from edgegen.ir.raw import RawNode
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.indexed import Addressing


@dataclass(frozen=True)
class Gather(Op):
    """Elements of input 0 at the indices in input 1, one an iteration; the shape is any."""

    addressing: Addressing

    stem: ClassVar[str] = "gather"
    sources: ClassVar[tuple[str, ...]] = ("gather",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Gather:
        """See `Op.parse`."""
        return cls(node.inputs, node.outputs, origin, Addressing.parse(node))

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = rules.count_problems(io, (2, 2))
        if problems:
            return problems
        problems = rules.same_quant_problems(io.input(0), io.output)
        if math.prod(self.addressing.sizes) != io.output.type.elements:
            problems.append(Problem(f"{list(self.addressing.sizes)} does not fill the output"))
        return problems + self.addressing.problems(io.input(0), io.input(1))

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: the ONNX operators Gather, GatherElements and GatherND."""
        data, indices = values[0], values[1]
        assert data is not None
        assert indices is not None
        picked = data.ravel()[self.addressing.addresses(indices)]
        return (picked.reshape(io.output.type.shape),)

"""SCATTER: a tensor with some elements replaced or updated. The ONNX front end makes it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem, UnsupportedError
from edgegen.ir import DType, Op, OpIO, Origin
from edgegen.ir.raw import RawNode
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.indexed import Addressing

FUNCTIONS = ("replace", "add", "mul", "max", "min")


@dataclass(frozen=True)
class Scatter(Op):
    """Input 0 with updates (input 2), one an iteration and in order, at indices (input 1).

    Attributes:
        function: how an update and what is there make the new element; one of `FUNCTIONS`.
        addressing: where the updates go.
    """

    function: str
    addressing: Addressing

    stem: ClassVar[str] = "scatter"
    sources: ClassVar[tuple[str, ...]] = ("scatter",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Scatter:
        """See `Op.parse`."""
        function = node.text("function", "replace")
        if function not in FUNCTIONS:
            raise UnsupportedError(Problem(f"scattering with {function!r} is unknown"))
        return cls(node.inputs, node.outputs, origin, function, Addressing.parse(node))

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = rules.count_problems(io, (3, 3))
        if problems:
            return problems
        data, updates = io.input(0).type, io.input(2).type
        problems = rules.same_quant_problems(io.input(0), io.output)
        problems += rules.same_quant_problems(io.input(2), io.output)
        if data.elements != io.output.type.elements:
            problems.append(Problem(f"{data} and {io.output.type} differ in size"))
        if math.prod(self.addressing.sizes) != updates.elements:
            problems.append(Problem(f"{list(self.addressing.sizes)} iterations of {updates}"))
        if self.function != "replace" and (data.dtype is DType.BOOL or data.quant is not None):
            problems.append(Problem(f"{self.function} of {data.dtype.value}"))
        return problems + self.addressing.problems(io.input(0), io.input(1))

    def summary(self, io: OpIO) -> str:  # noqa: ARG002
        """See `Op.summary`."""
        return self.function

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: the ONNX operators ScatterElements and ScatterND."""
        data, indices, updates = values
        assert data is not None
        assert indices is not None
        assert updates is not None
        result, at = data.copy().ravel(), self.addressing.addresses(indices)
        if self.function == "replace":
            # One by one: the last of several updates of an element wins.
            for place, update in zip(at.tolist(), updates.ravel(), strict=True):
                result[place] = update
        else:
            function = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}
            function[self.function].at(result, at, updates.ravel())
        return (result.reshape(io.output.type.shape),)

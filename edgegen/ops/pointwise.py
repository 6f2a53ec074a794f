"""POINTWISE: a function of single values, with broadcasting. The ONNX front end makes it."""

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
from edgegen.ops.pointwise_functions import FUNCTIONS, Function, Kind, converted


@dataclass(frozen=True)
class Pointwise(Op):
    """`function` of one value of each input; inputs broadcast as in numpy.

    Attributes:
        function: a name in `FUNCTIONS`.
        parameters: its real constants, rounded to float32.
    """

    function: str
    parameters: tuple[float, ...]

    stem: ClassVar[str] = "pointwise"
    sources: ClassVar[tuple[str, ...]] = ("pointwise",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Pointwise:
        """See `Op.parse`."""
        name = node.text("function", "")
        if name not in FUNCTIONS:
            raise UnsupportedError(Problem(f"function {name!r} is unknown"))
        names = (f"parameter_{i}" for i in range(FUNCTIONS[name].parameters))
        parameters = tuple(float(np.float32(node.number(n, 0.0))) for n in names)
        return cls(node.inputs, node.outputs, origin, name, parameters)

    @property
    def definition(self) -> Function:
        """The function."""
        return FUNCTIONS[self.function]

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        count = self.definition.operands
        problems = rules.count_problems(io, (count, count))
        if problems:
            return problems
        shapes = [io.input(i).type.shape for i in range(count)]
        try:
            shape = np.broadcast_shapes(*shapes)
        except ValueError:
            return [*problems, Problem(f"shapes {[list(s) for s in shapes]} do not broadcast")]
        return problems + rules.shape_problems(io.output, shape) + self._type_problems(io)

    def _type_problems(self, io: OpIO) -> list[Problem]:
        """Whether the element types are those of the function's kind."""
        kinds = [io.input(i).type.dtype for i in range(len(io.inputs))]
        first, result, kind = kinds[0], io.output.type.dtype, self.definition.kind
        tied = kinds if kind is Kind.TEST else [*kinds, result]
        allowed = {
            Kind.FLOAT: first is DType.FLOAT32,
            Kind.NUMBERS: first is not DType.BOOL,
            Kind.INTEGERS: first.is_integer,
            Kind.LOGIC: first is DType.BOOL,
        }.get(kind, True)
        if kind is Kind.TEST:
            allowed = result is DType.BOOL
        if kind is Kind.FREE:
            return [] if self._free_types(kinds, result) else [self._mismatch(io)]
        return [] if allowed and len(set(tied)) == 1 else [self._mismatch(io)]

    def _free_types(self, kinds: Sequence[DType], result: DType) -> bool:
        if self.function == "where":
            return kinds[0] is DType.BOOL and kinds[1] is kinds[2] is result
        if self.function == "power":
            return kinds[0] is result and DType.BOOL not in kinds
        if self.function == "quantise":
            return kinds[0] is kinds[1] is DType.FLOAT32 and kinds[2] is result is not DType.FLOAT32
        if self.function == "dequantise":
            return kinds[1] is result is DType.FLOAT32 and kinds[0] is kinds[2]
        return True

    def _mismatch(self, io: OpIO) -> Problem:
        kinds = ", ".join(t.type.dtype.value for t in io.inputs if t is not None)
        return Problem(
            f"{self.function} of {kinds} to {io.output.type.dtype.value}",
            why=f"it is defined on {self.definition.kind.value}",
        )

    def summary(self, io: OpIO) -> str:  # noqa: ARG002
        """See `Op.summary`."""
        values = ", ".join(f"{v:g}" for v in self.parameters)
        return self.function + (f" ({values})" if values else "")

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: `pointwise_functions`."""
        operands = [
            v.astype(np.float64) if v.dtype == np.float32 else v for v in values if v is not None
        ]
        dtype = io.output.type.dtype
        result = self.definition.compute(operands, self.parameters, dtype)
        return (np.asarray(converted(np.asarray(result), dtype)).reshape(io.output.type.shape),)

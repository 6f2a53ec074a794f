"""Functions of one value whose int8 form is a table of 256 results: base of several operators."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from edgegen.errors import InternalError, Problem
from edgegen.ir import Op, OpIO, Origin
from edgegen.ir.raw import RawNode
from edgegen.ir.row_window import RowWindow
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.elementwise import unary_problems
from edgegen.quant.lookup import Int8, apply

Float64 = npt.NDArray[np.float64]
TableT = TypeVar("TableT", bound="TableOp")


@dataclass(frozen=True)
class TableOp(Op):
    """Base: a subclass gives the table, the real function, and what else its rule demands."""

    elementwise: ClassVar[bool] = True

    @classmethod
    def parse(cls: type[TableT], node: RawNode, origin: Origin) -> TableT:
        """See `Op.parse`; for operators without attributes."""
        return cls(node.inputs, node.outputs, origin)

    def node(self, io: OpIO) -> RawNode:
        """See `Op.node`; for operators without attributes."""
        return self.tflite(self.sources[0], rules.version(io, int8=2, int16=3))

    @abstractmethod
    def table(self, io: OpIO) -> Int8:
        """The output for every input q, int8 [256], at index q modulo 256."""

    @abstractmethod
    def real(self, x: Float64) -> Float64:
        """The function itself."""

    def quantised_problems(self, io: OpIO) -> list[Problem]:  # noqa: ARG002
        """What the int8 kernel refuses besides types and shapes."""
        return []

    def int16_problems(self, io: OpIO) -> list[Problem]:  # noqa: ARG002
        """What the int16 kernel refuses besides types and shapes."""
        return []

    def evaluate_int16(self, io: OpIO, x: Array) -> Array:  # noqa: ARG002
        """The reference on int16; operators that have it define it."""
        raise InternalError(f"{self.stem} has no reference on int16")

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = unary_problems(io, int16=self.has_int16)
        if not problems and rules.is_int16(io):
            return self.int16_problems(io)
        return problems if problems or rules.is_float(io) else self.quantised_problems(io)

    def row_windows(self, io: OpIO) -> tuple[RowWindow | None, ...] | None:
        """See `Op.row_windows`."""
        return rules.elementwise_rows(io)

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`."""
        x = values[0]
        assert x is not None
        if rules.is_float(io):
            with np.errstate(over="ignore", invalid="ignore"):
                return (self.real(x.astype(np.float64)).astype(np.float32),)
        if rules.is_int16(io):
            return (self.evaluate_int16(io, x),)
        return (apply(self.table(io), x),)


def all_values() -> npt.NDArray[np.int64]:
    """Every int8 value, at index q modulo 256."""
    return np.arange(256, dtype=np.uint8).view(np.int8).astype(np.int64)

"""Internal operator: the same tensor in another buffer format. No model format has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from edgegen.errors import InternalError, Problem
from edgegen.ir import Op, OpIO, Origin
from edgegen.ir.raw import RawNode
from edgegen.ir.row_window import RowWindow
from edgegen.ir.types import Array
from edgegen.ops import rules


@dataclass(frozen=True)
class Reformat(Op):
    """Copies a tensor; kernel selection inserts it where two kernels' formats differ."""

    stem: ClassVar[str] = "reformat"
    sources: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Reformat:
        """Never called: no front end knows the operator."""
        raise InternalError(f"{node.type} {origin} cannot be parsed")

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        if io.input(0).type == io.output.type:
            return []
        return [Problem(f"reformat changes {io.input(0).type} to {io.output.type}")]

    def row_windows(self, io: OpIO) -> tuple[RowWindow | None, ...] | None:
        """See `Op.row_windows`."""
        return rules.elementwise_rows(io)

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:  # noqa: ARG002
        """See `Op.evaluate`."""
        assert values[0] is not None
        return (values[0],)

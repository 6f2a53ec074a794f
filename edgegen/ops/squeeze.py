"""SQUEEZE: drops dimensions of size 1. Source: TFLite 2.14 `kernels/squeeze.cc`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgegen.errors import Problem
from edgegen.ir import OpIO, Origin
from edgegen.ir.raw import RawNode
from edgegen.ops.same_bytes import SameBytes, Shape


@dataclass(frozen=True)
class Squeeze(SameBytes):
    """Squeeze. No `dims` means every dimension of size 1; negative ones count from the end."""

    dims: tuple[int, ...]

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "squeeze"
    sources: ClassVar[tuple[str, ...]] = ("SQUEEZE",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Squeeze:
        """See `Op.parse`."""
        return cls(
            inputs=node.inputs,
            outputs=node.outputs,
            origin=origin,
            dims=node.integers("squeeze_dims"),
        )

    def node(self, io: OpIO) -> RawNode:  # noqa: ARG002
        """See `Op.node`."""
        return self.tflite("SQUEEZE", squeeze_dims=self.dims)

    def arity(self) -> tuple[int, int]:
        """See `SameBytes.arity`."""
        return 1, 1

    def target(self, io: OpIO) -> Shape | Problem:
        """See `SameBytes.target`."""
        shape = io.input(0).type.shape
        rank = len(shape)
        dropped = {d + rank if d < 0 else d for d in self.dims}
        wrong = [d for d in sorted(dropped) if not 0 <= d < rank or shape[d] != 1]
        if wrong:
            return Problem(f"dimensions {wrong} of {list(shape)} are not of size 1")
        if not self.dims:
            dropped = {d for d, size in enumerate(shape) if size == 1}
        return tuple(size for d, size in enumerate(shape) if d not in dropped)

"""EXPAND_DIMS: inserts a dimension of size 1. Source: TFLite 2.14 `kernels/expand_dims.cc`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgegen.errors import Problem
from edgegen.ir import OpIO, Origin
from edgegen.ir.raw import RawNode
from edgegen.ops.same_bytes import SameBytes, Shape, shape_constant


@dataclass(frozen=True)
class ExpandDims(SameBytes):
    """Expand dims. The second input is the axis; a negative one counts from the output's end."""

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "expand_dims"
    sources: ClassVar[tuple[str, ...]] = ("EXPAND_DIMS",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> ExpandDims:
        """See `Op.parse`."""
        return cls(inputs=node.inputs, outputs=node.outputs, origin=origin)

    def node(self, io: OpIO) -> RawNode:  # noqa: ARG002
        """See `Op.node`."""
        return self.tflite("EXPAND_DIMS")

    def arity(self) -> tuple[int, int]:
        """See `SameBytes.arity`."""
        return 2, 2

    def target(self, io: OpIO) -> Shape | Problem:
        """See `SameBytes.target`."""
        axes = shape_constant(io, 1, role="axis")
        if isinstance(axes, Problem):
            return axes
        shape = io.input(0).type.shape
        if len(axes) != 1 or not -len(shape) - 1 <= axes[0] <= len(shape):
            return Problem(f"axis {list(axes)} is none of {len(shape) + 1} dimensions")
        axis = axes[0] + len(shape) + 1 if axes[0] < 0 else axes[0]
        return (*shape[:axis], 1, *shape[axis:])

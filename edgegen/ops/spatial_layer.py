"""What convolutions over space and their transposes share: attributes and element types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from edgegen.errors import Problem
from edgegen.ir import DType, Op, OpIO, Origin
from edgegen.ir.raw import RawNode
from edgegen.ops.spatial import Spatial

DTYPES = (DType.FLOAT32, DType.INT32)

LayerT = TypeVar("LayerT", bound="SpatialLayer")


@dataclass(frozen=True)
class SpatialLayer(Op):
    """Base. Filters and bias may be computed at run time; int32 sums wrap around.

    Attributes:
        windows: taps, strides, dilations and paddings.
        groups: number of groups that input and output channels are split into.
    """

    windows: Spatial
    groups: int

    @classmethod
    def parse(cls: type[LayerT], node: RawNode, origin: Origin) -> LayerT:
        """See `Op.parse`."""
        groups = node.integer("groups", 1)
        return cls(node.inputs, node.outputs, origin, Spatial.parse(node), groups)

    def summary(self, io: OpIO) -> str:  # noqa: ARG002
        """See `Op.summary`."""
        return self.windows.summary + (f", {self.groups} groups" if self.groups > 1 else "")

    def type_problems(self, io: OpIO) -> list[Problem]:
        """Whether all tensors have one element type, and a bias one value for each channel."""
        kinds = {t.type.dtype for t in (*io.inputs, *io.outputs) if t is not None}
        problems = []
        if len(kinds) != 1 or not kinds <= set(DTYPES):
            names = ", ".join(sorted(k.value for k in kinds))
            why = "float32 or int32 throughout is known"
            problems.append(Problem(f"computes on {names}", why=why))
        bias = io.optional(2)
        if bias is not None and bias.type.shape != io.output.type.shape[1:2]:
            problems.append(Problem(f"bias {bias.name!r} has the shape {list(bias.type.shape)}"))
        return problems

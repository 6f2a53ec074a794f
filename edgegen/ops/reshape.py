"""RESHAPE: the same bytes in another shape.

Source: TFLite 2.14 `kernels/reshape.cc`: the shape comes from a one-dimensional int32 second input,
otherwise from the options; one dimension may be -1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from edgegen.errors import Problem
from edgegen.ir import DType, OpIO, Origin
from edgegen.ir.raw import RawNode
from edgegen.ops.same_bytes import SameBytes, Shape, shape_constant


@dataclass(frozen=True)
class Reshape(SameBytes):
    """Reshape. `new_shape` is the options' shape, used where the second input is none."""

    new_shape: Shape

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "reshape"
    sources: ClassVar[tuple[str, ...]] = ("RESHAPE",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Reshape:
        """See `Op.parse`."""
        return cls(
            inputs=node.inputs,
            outputs=node.outputs,
            origin=origin,
            new_shape=node.integers("new_shape"),
        )

    def node(self, io: OpIO) -> RawNode:  # noqa: ARG002
        """See `Op.node`."""
        return self.tflite("RESHAPE", new_shape=self.new_shape)

    def arity(self) -> tuple[int, int]:
        """See `SameBytes.arity`."""
        return 1, 2

    def target(self, io: OpIO) -> Shape | Problem:
        """See `SameBytes.target`."""
        wanted = self._wanted(io)
        if isinstance(wanted, Problem):
            return wanted
        elements = io.input(0).type.elements
        known = math.prod(d for d in wanted if d != -1)
        free = wanted.count(-1)
        if free > 1 or any(d < -1 for d in wanted):
            return Problem(f"{list(wanted)} is no shape")
        if known == 0 or elements % known or (free == 0 and known != elements):
            return Problem(f"{elements} elements do not fill the shape {list(wanted)}")
        return tuple(elements // known if d == -1 else d for d in wanted)

    def _wanted(self, io: OpIO) -> Shape | Problem:
        """The shape as the model has it, -1 included."""
        tensor = io.optional(1)
        if tensor is not None and len(tensor.type.shape) == 1 and tensor.type.dtype is DType.INT32:
            return shape_constant(io, 1, role="shape", dtypes=(DType.INT32,))
        # Old converters write a scalar's shape as [0].
        return () if self.new_shape == (0,) else self.new_shape

"""What resizing operators share: attributes and the shape rule. Inputs NHWC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from edgegen.errors import Problem
from edgegen.ir import DType, Op, OpIO, Origin
from edgegen.ir.int8_form import Int8Form
from edgegen.ir.raw import RawNode
from edgegen.ops import rules

ResizeT = TypeVar("ResizeT", bound="Resize")

MAX_SIDE = 1 << 14
"""Largest image side: coordinates with 10 fractional bits stay far within int32."""


@dataclass(frozen=True)
class Resize(Op):
    """Base. Input 1 holds the new height and width.

    Source: TFLite 2.14 `kernels/resize_nearest_neighbor.cc`, `kernels/resize_bilinear.cc`.
    """

    align_corners: bool
    half_pixel_centers: bool

    @classmethod
    def parse(cls: type[ResizeT], node: RawNode, origin: Origin) -> ResizeT:
        """See `Op.parse`."""
        align, half = node.flag("align_corners"), node.flag("half_pixel_centers")
        return cls(node.inputs, node.outputs, origin, align, half)

    def node(self, io: OpIO) -> RawNode:
        """See `Op.node`."""
        half_pixel = 3 if self.half_pixel_centers or self.align_corners else 2
        version = half_pixel if io.output.type.dtype is DType.INT8 or half_pixel == 3 else 1
        return self.tflite(
            self.sources[0],
            version,
            align_corners=self.align_corners,
            half_pixel_centers=self.half_pixel_centers,
        )

    def int8_form(self, io: OpIO) -> Int8Form:  # noqa: ARG002
        """See `Op.int8_form`."""
        return Int8Form(shared=(0,))

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = rules.count_problems(io, (2, 2)) or (
            rules.rank_problems(io.input(0), 4, role="input")
            + rules.value_problems(io, io.input(0), role="input", int16=self.has_int16)
            + rules.value_problems(io, io.output, role="output", int16=self.has_int16)
            + rules.constant_problems(io.input(1), role="size", dtype=DType.INT32)
        )
        if self.align_corners and self.half_pixel_centers:
            problems.append(Problem("align_corners and half_pixel_centers exclude each other"))
        problems = problems or rules.shape_problems(io.input(1), (2,), role="size")
        if problems:
            return problems
        batch, height, width, depth = io.input(0).type.shape
        size = [int(v) for v in io.input(1).values]
        if min(size) < 1 or max(*size, height, width) > MAX_SIDE:
            return [Problem(f"size {size} is not between 1 and {MAX_SIDE}")]
        problems = rules.shape_problems(io.output, (batch, *size, depth))
        return (
            problems
            + rules.batch_problems(io.input(0))
            + rules.same_quant_problems(io.input(0), io.output)
        )

    def summary(self, io: OpIO) -> str:
        """See `Op.summary`."""
        size = "to " + "x".join(str(int(v)) for v in io.input(1).values)
        if self.align_corners:
            return f"{size}, corners aligned"
        return f"{size}, half-pixel centres" if self.half_pixel_centers else size

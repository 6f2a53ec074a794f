"""SLICE and STRIDED_SLICE with constant bounds: a part of a tensor.

Sources: TFLite 2.14 `kernels/slice.cc`, `kernels/strided_slice.cc` and
`kernels/internal/strided_slice_logic.h`. Strides must be positive; masks that add or drop
dimensions are not supported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem, UnsupportedError
from edgegen.ir import DType, Op, OpIO, Origin
from edgegen.ir.int8_form import Int8Form
from edgegen.ir.permuted import Permuted
from edgegen.ir.raw import RawNode
from edgegen.ir.types import Array
from edgegen.ops import rules

MAX_RANK = 5


@dataclass(frozen=True)
class Part:
    """The indices of one axis that are taken: first, distance, count."""

    begin: int
    stride: int
    count: int


@dataclass(frozen=True)
class Slice(Op):
    """A part of input 0.

    Inputs of SLICE: begin, size (-1: the rest). Inputs of STRIDED_SLICE: begin, end, strides;
    negative begins and ends count from the end, and bit i of a mask leaves that of axis i open.

    Attributes:
        kind: SLICE or STRIDED_SLICE.
        begin_mask: axes that begin with their first index.
        end_mask: axes that end with their last index.
    """

    kind: str
    begin_mask: int
    end_mask: int

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "slice"
    sources: ClassVar[tuple[str, ...]] = ("SLICE", "STRIDED_SLICE")

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Slice:
        """See `Op.parse`."""
        masks = ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
        set_masks = [m for m in masks if node.integer(m, 0)]
        if set_masks or node.flag("offset"):
            raise UnsupportedError(
                Problem(
                    f"{', '.join(set_masks) or 'offset'} of STRIDED_SLICE is not supported",
                    hint="slice without changing the number of dimensions, then reshape",
                )
            )
        masks_used = node.integer("begin_mask", 0), node.integer("end_mask", 0)
        return cls(node.inputs, node.outputs, origin, node.type, *masks_used)

    def node(self, io: OpIO) -> RawNode:
        """See `Op.node`."""
        if self.kind == "SLICE":
            return self.tflite("SLICE", rules.version(io, int8=2))
        return self.tflite(
            "STRIDED_SLICE",
            rules.version(io, int8=2),
            begin_mask=self.begin_mask,
            end_mask=self.end_mask,
            ellipsis_mask=0,
            new_axis_mask=0,
            shrink_axis_mask=0,
        )

    def int8_form(self, io: OpIO) -> Int8Form:  # noqa: ARG002
        """See `Op.int8_form`."""
        return Int8Form(shared=(0,))

    def parts(self, io: OpIO) -> tuple[Part, ...]:
        """What is taken of each axis; counts may be wrong in a model that `check` refuses."""
        shape = io.input(0).type.shape
        numbers = [rules.int_constant(io, i) for i in range(1, len(io.inputs))]
        begins, ends, *rest = [n.tolist() for n in numbers if n is not None]
        if self.kind == "SLICE":
            return tuple(
                Part(b, 1, d - b if n == -1 else n)
                for b, n, d in zip(begins, ends, shape, strict=True)
            )
        found = []
        for axis, (b, e, s, d) in enumerate(zip(begins, ends, rest[0], shape, strict=True)):
            first = 0 if self.begin_mask >> axis & 1 else min(max(b + d if b < 0 else b, 0), d)
            last = d if self.end_mask >> axis & 1 else min(max(e + d if e < 0 else e, 0), d)
            found.append(Part(first, s, max(-(-(last - first) // s), 0)))
        return tuple(found)

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`. Any element type may pass, since values only move."""
        count = 3 if self.kind == "SLICE" else 4
        problems = rules.count_problems(io, (count, count)) or [
            p
            for i in range(1, count)
            for p in rules.constant_problems(io.input(i), role="bound", dtype=DType.INT32)
        ]
        if problems:
            return problems
        source = io.input(0)
        rank = len(source.type.shape)
        if not 1 <= rank <= MAX_RANK:
            return [Problem(f"input has {rank} dimensions instead of 1 to {MAX_RANK}")]
        for i in range(1, count):
            problems += rules.shape_problems(io.input(i), (rank,), role="bound")
        if problems:
            return problems
        if count == 4 and min(io.input(3).values.tolist()) < 1:
            return [Problem(f"strides {io.input(3).values.tolist()} are not positive")]
        parts = self.parts(io)
        inside = all(
            p.begin >= 0 and p.count > 0 and p.begin + (p.count - 1) * p.stride < d
            for p, d in zip(parts, source.type.shape, strict=True)
        )
        if not inside:
            bounds = [io.input(i).values.tolist() for i in range(1, count)]
            return [Problem(f"bounds {bounds} are no part of {list(source.type.shape)}")]
        problems = rules.same_quant_problems(source, io.output)
        if source.type.quant is not None and source.type.quant.per_channel:
            problems.append(Problem(f"input {source.name!r} has per-channel quantisation"))
        return problems + rules.shape_problems(io.output, [p.count for p in parts])

    def permuted(self, io: OpIO, order: tuple[int, ...]) -> Permuted:
        """See `Op.permuted`."""
        parts = [self.parts(io)[a] for a in order]
        begins = np.array([p.begin for p in parts], np.int32)
        if self.kind == "SLICE":
            sizes = np.array([p.count for p in parts], np.int32)
            return Permuted(self, order, constants={1: begins, 2: sizes})
        ends = np.array([p.begin + (p.count - 1) * p.stride + 1 for p in parts], np.int32)
        strides = np.array([p.stride for p in parts], np.int32)
        whole = Slice(self.inputs, self.outputs, self.origin, self.kind, 0, 0)
        return Permuted(whole, order, constants={1: begins, 2: ends, 3: strides})

    def summary(self, io: OpIO) -> str:
        """See `Op.summary`."""
        return "from " + " ".join(str(p.begin) for p in self.parts(io))

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`."""
        assert values[0] is not None
        index = tuple(
            slice(p.begin, p.begin + (p.count - 1) * p.stride + 1, p.stride) for p in self.parts(io)
        )
        return (np.ascontiguousarray(values[0][index]),)

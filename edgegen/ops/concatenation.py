"""CONCATENATION on int8, int16 and float32. Source: TFLite 2.14 `kernels/concatenation.cc`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import Op, OpIO, Origin
from edgegen.ir.int8_form import Int8Form
from edgegen.ir.permuted import Permuted
from edgegen.ir.raw import RawNode
from edgegen.ir.types import Array
from edgegen.ops import rules


@dataclass(frozen=True)
class Concatenation(Op):
    """Concatenation along `axis`, which counts from the end when negative."""

    axis: int
    activation: str

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "concatenation"
    sources: ClassVar[tuple[str, ...]] = ("CONCATENATION",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Concatenation:
        """See `Op.parse`."""
        return cls(
            inputs=node.inputs,
            outputs=node.outputs,
            origin=origin,
            axis=node.integer("axis", 0),
            activation=node.text("fused_activation_function", "NONE"),
        )

    def node(self, io: OpIO) -> RawNode:
        """See `Op.node`."""
        return self.tflite(
            "CONCATENATION",
            rules.version(io, int8=2, int16=3),
            axis=self.axis,
            fused_activation_function=self.activation,
        )

    def int8_form(self, io: OpIO) -> Int8Form:
        """See `Op.int8_form`."""
        return Int8Form(shared=tuple(range(len(io.inputs))))

    def dimension(self, io: OpIO) -> int:
        """The axis, counted from the start."""
        return self.axis + len(io.output.type.shape) if self.axis < 0 else self.axis

    def parts(self, io: OpIO) -> tuple[tuple[int, ...], int]:
        """Bytes of each input between two steps along the dimensions before the axis, and steps.

        Returns:
            The contiguous bytes that each input contributes at a time, and how many times.
        """
        axis = self.dimension(io)
        sizes = tuple(
            math.prod(io.input(i).type.shape[axis:]) * io.input(i).type.dtype.bytes
            for i in range(len(io.inputs))
        )
        return sizes, math.prod(io.output.type.shape[:axis])

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        count = len(io.inputs)
        problems = rules.count_problems(io, (max(count, 1), count)) or rules.value_problems(
            io, io.output, role="output", int16=True
        )
        if self.activation != "NONE":
            problems.append(
                Problem(
                    f"fused activation {self.activation} is not supported here",
                    why="TFLite's kernel refuses it",
                )
            )
        if problems:
            return problems
        tensors = [io.input(i) for i in range(count)]
        for tensor in tensors:
            problems += rules.same_quant_problems(tensor, io.output)
        first = tensors[0].type.shape
        axis = self.axis + len(first) if self.axis < 0 else self.axis
        if not 0 <= axis < len(first):
            return [*problems, Problem(f"axis {self.axis} is none of {len(first)} dimensions")]
        rest = (first[:axis], first[axis + 1 :])
        odd = [t for t in tensors if (t.type.shape[:axis], t.type.shape[axis + 1 :]) != rest]
        odd += [t for t in tensors if len(t.type.shape) != len(first) and t not in odd]
        if odd:
            return [
                *problems,
                *(
                    Problem(f"{t.name!r} {t.type} does not fit {list(first)} along axis {axis}")
                    for t in odd
                ),
            ]
        total = sum(t.type.shape[axis] for t in tensors)
        return problems + rules.shape_problems(io.output, (*rest[0], total, *rest[1]))

    def summary(self, io: OpIO) -> str:
        """See `Op.summary`."""
        return f"axis {self.dimension(io)}"

    def permuted(self, io: OpIO, order: tuple[int, ...]) -> Permuted:
        """See `Op.permuted`."""
        moved = replace(self, axis=order.index(self.dimension(io)))
        return Permuted(moved, order, tuple(range(len(io.inputs))))

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`."""
        arrays = [v for v in values if v is not None]
        return (np.concatenate(arrays, self.dimension(io)),)

"""Operators that give their input's bytes another shape: they cost nothing at run time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from edgegen.errors import Problem
from edgegen.ir import DType, Op, OpIO, TensorKind
from edgegen.ir.int8_form import Int8Form
from edgegen.ir.types import Array
from edgegen.ops import rules

Shape = tuple[int, ...]


@dataclass(frozen=True)
class SameBytes(Op):
    """Base of reshape, squeeze and expand_dims. A subclass says which shape the output has."""

    @abstractmethod
    def arity(self) -> tuple[int, int]:
        """The lowest and highest number of inputs."""

    @abstractmethod
    def target(self, io: OpIO) -> Shape | Problem:
        """The output's shape, or why there is none; may assume that inputs are present."""

    def int8_form(self, io: OpIO) -> Int8Form:  # noqa: ARG002
        """See `Op.int8_form`."""
        return Int8Form(shared=(0,))

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`. Any element type may pass, since no byte is touched."""
        problems = rules.count_problems(io, self.arity())
        if problems:
            return problems
        source = io.input(0)
        if source.kind is TensorKind.CONSTANT:
            return [
                Problem(
                    f"input {source.name!r} is a constant",
                    why="nothing is left to compute at run time",
                    hint="fold constants when exporting the model",
                )
            ]
        problems = rules.same_quant_problems(source, io.output)
        if source.type.quant is not None and source.type.quant.per_channel:
            problems.append(Problem(f"input {source.name!r} has per-channel quantisation"))
        shape = self.target(io)
        if isinstance(shape, Problem):
            return [*problems, shape]
        return problems + rules.shape_problems(io.output, shape)

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`."""
        assert values[0] is not None
        return (values[0].reshape(io.output.type.shape),)

    def alias_of(self, io: OpIO) -> int | None:  # noqa: ARG002
        """See `Op.alias_of`."""
        return 0


def shape_constant(
    io: OpIO, index: int, *, role: str, dtypes: Sequence[DType] = (DType.INT32, DType.INT64)
) -> Shape | Problem:
    """The values of an integer constant such as a shape or an axis."""
    tensor = io.input(index)
    if tensor.type.dtype not in dtypes:
        allowed = " or ".join(d.value for d in dtypes)
        return Problem(f"{role} {tensor.name!r} is {tensor.type.dtype.value} instead of {allowed}")
    values = rules.int_constant(io, index)
    if values is None:
        return Problem(
            f"{role} {tensor.name!r} is computed at run time",
            why="every shape must be known when the code is generated",
            hint="convert the model with a fixed input shape",
        )
    return tuple(int(v) for v in values.tolist())

"""Graphs: operators in execution order over named tensors, all immutable."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

from edgegen.errors import Problem, UnsupportedError
from edgegen.ir.int8_form import Int8Form
from edgegen.ir.names import short_name
from edgegen.ir.permuted import Permuted
from edgegen.ir.raw import Attribute, RawNode
from edgegen.ir.row_window import RowWindow
from edgegen.ir.types import Array, DType, Tensor


@dataclass(frozen=True)
class Origin:
    """Where an operator comes from, in the source model's own terms."""

    index: int
    type: str
    version: int = 1

    def __str__(self) -> str:
        return f"op {self.index} {self.type} v{self.version}"


@dataclass(frozen=True)
class OpIO:
    """An operator's tensors: what its shape rule, reference and kernels look at.

    `inputs` holds None where an optional input is left out.
    """

    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]

    def input(self, index: int) -> Tensor:
        """The input at `index`, which must be present."""
        tensor = self.inputs[index]
        assert tensor is not None
        return tensor

    def optional(self, index: int) -> Tensor | None:
        """The input at `index`, or None if absent."""
        return self.inputs[index] if index < len(self.inputs) else None

    @property
    def output(self) -> Tensor:
        """The first output."""
        return self.outputs[0]


@dataclass(frozen=True)
class Op(ABC):
    """Base of all operators. A subclass adds attributes and gives the rules below.

    Attributes:
        inputs: names of the input tensors; None where an optional input is left out.
        outputs: names of the output tensors.
        origin: the operator of the source model.
    """

    inputs: tuple[str | None, ...]
    outputs: tuple[str, ...]
    origin: Origin

    stem: ClassVar[str]
    """Name of the operator's module, template folder and test cases."""
    sources: ClassVar[tuple[str, ...]]
    """Operator names of model formats that `parse` understands, such as CONV_2D."""
    elementwise: ClassVar[bool] = False
    """Whether every output value depends only on inputs' values at the same index, broadcast."""
    has_int16: ClassVar[bool] = False
    """Whether TFLite 2.14 computes it on int16 activations."""

    @classmethod
    @abstractmethod
    def parse(cls, node: RawNode, origin: Origin) -> Op:
        """Makes the operator from a front end's node.

        Raises:
            UnsupportedError: an attribute has a value that is not supported; problems need no
                place, the caller adds it.
        """

    @abstractmethod
    def check(self, io: OpIO) -> list[Problem]:
        """The shape and type rule: everything that is wrong with this operator, without places."""

    @abstractmethod
    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """The numpy reference: on integers, TFLite 2.14's reference kernel byte for byte.

        Args:
            io: the tensors.
            values: one array for each input, constants included, in the tensors' shapes.

        Returns:
            One array for each output in its dtype and shape.
        """

    def node(self, io: OpIO) -> RawNode:
        """The operator as a .tflite file holds it: the inverse of `parse`.

        Raises:
            UnsupportedError: TFLite has no such operator.
        """
        raise UnsupportedError(
            Problem(
                f"operator {self.stem} cannot be written to a .tflite file", place(self.origin, io)
            )
        )

    def tflite(self, kind: str, version: int = 1, **attributes: Attribute) -> RawNode:
        """What `node` returns, from TFLite's operator name and its options in snake case."""
        return RawNode(self.origin.index, kind, version, self.inputs, self.outputs, attributes)

    def int8_form(self, io: OpIO) -> Int8Form:  # noqa: ARG002
        """What the operator on int8 demands of its tensors' quantisation."""
        return Int8Form()

    def int16_form(self, io: OpIO) -> Int8Form | None:
        """What the operator on int16 demands of its tensors' quantisation; None: there is none."""
        return self.int8_form(io) if self.has_int16 else None

    def macs(self, io: OpIO) -> int:  # noqa: ARG002
        """Multiply-accumulates of one inference."""
        return 0

    def summary(self, io: OpIO) -> str:  # noqa: ARG002
        """The attributes that matter to a reader, in a few words; may be empty."""
        return ""

    def permuted(self, io: OpIO, order: tuple[int, ...]) -> Permuted | None:  # noqa: ARG002
        """The operator on data whose axes are in another order; None where there is no such thing.

        Operators that are `elementwise` need not define it.

        Args:
            io: the operator's tensors.
            order: axis k of the new data is axis `order[k]` of input 0.
        """
        return None

    def row_windows(self, io: OpIO) -> tuple[RowWindow | None, ...] | None:  # noqa: ARG002
        """Which rows of each input an output row needs, None for a constant or absent input.

        None in all where rows do not come from rows: the whole input is needed first.
        """
        return None

    def column_window(self, io: OpIO) -> RowWindow | None:  # noqa: ARG002
        """Which columns of input 0 an output column needs, in the terms of rows; None: all."""
        return None

    def alias_of(self, io: OpIO) -> int | None:  # noqa: ARG002
        """Index of the input whose bytes the output is, unchanged (reshape); None otherwise."""
        return None


@dataclass(frozen=True)
class Graph:
    """A model: tensors by name and operators in execution order.

    Attributes:
        by_rows: inputs that the caller delivers row by row while the model runs.
        kept: tensors, besides the outputs, whose bytes must be intact at the end of an inference.
        layouts: see `RawGraph.layouts`.
    """

    name: str
    tensors: Mapping[str, Tensor]
    ops: tuple[Op, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    kept: tuple[str, ...] = ()
    by_rows: tuple[str, ...] = ()
    layouts: Mapping[str, str] = field(default_factory=dict)

    def tensor(self, name: str) -> Tensor:
        """The tensor called `name`."""
        return self.tensors[name]

    def io(self, op: Op) -> OpIO:
        """The tensors of `op`."""
        return OpIO(
            tuple(None if n is None else self.tensors[n] for n in op.inputs),
            tuple(self.tensors[n] for n in op.outputs),
        )

    def where(self, op: Op) -> str:
        """The place of `op` in the user's terms, for error messages."""
        return place(op.origin, self.io(op))

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(op.macs(self.io(op)) for op in self.ops)

    @cached_property
    def computes_float(self) -> bool:
        """Whether any operator reads or writes float32."""
        return any(
            t is not None and t.type.dtype is DType.FLOAT32
            for op in self.ops
            for t in (*self.io(op).inputs, *self.io(op).outputs)
        )

    def activations(self) -> Iterable[Tensor]:
        """Graph inputs and everything operators produce, in order of definition."""
        for name in self.inputs:
            yield self.tensors[name]
        for op in self.ops:
            for name in op.outputs:
                yield self.tensors[name]


def place(origin: Origin, io: OpIO) -> str:
    """Describes an operator's place: index, type, version, tensors and shapes.

    Weights and other constants are named without their values.
    """
    reads = ", ".join(f"{short_name(t.name)} {t.type}" for t in io.inputs if t is not None)
    writes = ", ".join(f"{short_name(t.name)} {t.type}" for t in io.outputs)
    return f"{origin} ({reads} -> {writes})"

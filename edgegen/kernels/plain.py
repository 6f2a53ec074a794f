"""The base of kernels in plain C that make no promise about the order of their accesses."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import ANY_NUMBERS, Kernel, Numbers
from edgegen.kernels.order import NO_PROMISE, AccessOrder

OpT = TypeVar("OpT", bound=Op)

FLOAT_ONLY = frozenset({Numbers.FLOAT32})
INT16_ONLY = frozenset({Numbers.INT16})


class PlainKernel(Kernel[OpT]):
    """A kernel named `scalar` for any numbers; `Float32Kernel` for one of float32 only."""

    name: ClassVar[str] = "scalar"
    computes: ClassVar[frozenset[Numbers]] = ANY_NUMBERS

    def order(self, op: OpT, io: OpIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`."""
        return NO_PROMISE


class Float32Kernel(PlainKernel[OpT]):
    """The float32 rule of an operator, often by another operator's template."""

    name: ClassVar[str] = "float32"
    computes: ClassVar[frozenset[Numbers]] = FLOAT_ONLY
    shared_template: ClassVar[str] = ""
    """Path of another kernel's template below templates/; empty: its own."""

    @property
    def template(self) -> str:
        """See `Kernel.template`."""
        return self.shared_template or super().template


class Int16Kernel(PlainKernel[OpT]):
    """An operator on int16 activations, value by value unless a subclass says otherwise."""

    name: ClassVar[str] = "int16"
    computes: ClassVar[frozenset[Numbers]] = INT16_ONLY

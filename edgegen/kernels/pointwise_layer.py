"""What kernels share that render kernels/pointwise/scalar: a function of single values in C."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from edgegen.ir import DType, Op, OpIO
from edgegen.kernels.base import Cost, Packed
from edgegen.kernels.c_types import c_type, float_literal, integer_literal, short_type
from edgegen.kernels.nest import Nest, nest
from edgegen.kernels.operands import operand_constants
from edgegen.kernels.order import NO_PROMISE, AccessOrder, elementwise
from edgegen.kernels.plain import Float32Kernel
from edgegen.ops.strided import broadcast_strides

OpT = TypeVar("OpT", bound=Op)

TEMPLATE = "kernels/pointwise/scalar.c.j2"

_CHEAP = frozenset(
    "abs add and bit_and bit_not bit_or bit_xor cast clip equal greater greater_equal identity "
    "is_infinite is_nan leaky_relu less less_equal max min mul neg not or prelu relu shift_left "
    "shift_right sign sub thresholded_relu where xor".split()
)
_CHEAP_CYCLES, _DEAR_CYCLES = 14, 120
"""For one value: loads, a few instructions and a store; a division or a call of libm besides.
Rough: plain C has no rivals, the figures only rank layers."""


def pointwise_nest(io: OpIO) -> Nest:
    """The loops over the output with the steps of all inputs."""
    shape = io.output.type.shape
    tensors = [io.input(i) for i in range(len(io.inputs))]
    return nest(shape, *(broadcast_strides(t.type.shape, shape) for t in tensors))


def pointwise_cost(io: OpIO, function: str) -> Cost:
    """A rough cost; see `_CHEAP_CYCLES`."""
    each = _CHEAP_CYCLES if function in _CHEAP else _DEAR_CYCLES
    return Cost(io.output.type.elements * each * 3 // 4, io.output.type.elements * each)


def pack_pointwise(
    io: OpIO,
    function: str,
    parameters: Sequence[float] = (),
    limits: tuple[float, float] = (-math.inf, math.inf),
) -> Packed:
    """What the template needs.

    Args:
        io: the operator's tensors; all inputs are operands.
        function: a name in `ops.pointwise_functions.FUNCTIONS`.
        parameters: its real constants.
        limits: lowest and highest float32 output.
    """
    loops = pointwise_nest(io)
    clamped = limits != (-math.inf, math.inf)
    kinds = [io.input(i).type.dtype for i in range(len(io.inputs))]
    types = tuple(c_type(k) for k in kinds)
    out = io.output.type.dtype
    names = "_".join(dict.fromkeys(short_type(k) for k in (*kinds, out)))
    return Packed(
        constants=operand_constants(io, len(io.inputs)),
        call={
            "nest": loops,
            "types": types,
            "out": c_type(out),
            "parameters": tuple(float_literal(v) for v in parameters),
            "clamp": tuple(float_literal(v) for v in limits) if clamped else (),
        },
        routine={
            "function": function,
            "depth": loops.depth,
            "types": types,
            "out": c_type(out),
            "parameters": len(parameters),
            "clamped": clamped,
            **_arithmetic(kinds, out),
        },
        variant=f"{function}_{names}_{loops.depth}d" + ("_clamped" if clamped else ""),
    )


def _arithmetic(kinds: Sequence[DType], out: DType) -> dict[str, Any]:
    """Facts about the types that the bodies in templates/lib/pointwise.j2 ask for."""
    first = kinds[0]
    facts: dict[str, Any] = {
        "real": first is DType.FLOAT32,
        "signed": first is DType.FLOAT32 or first.numpy.kind == "i",
        "same": c_type(first),
        "unsigned": "uint64_t" if first.bytes == 8 else "uint32_t",
        "bits": 8 * first.bytes,
        "zero": "0.0f" if first is DType.FLOAT32 else "0",
        "to_bool": out is DType.BOOL,
        "whole": all(k is not DType.FLOAT32 for k in kinds),
        "exponent": c_type(kinds[-1]),
    }
    if out.is_integer:
        low, high = out.limits
        facts |= {
            # Bounds that a float32 can tell: what is not inside takes the limit itself.
            "low": float_literal(low),
            "high": float_literal(high),
            "lowest": integer_literal(low, out),
            "highest": integer_literal(high, out),
        }
    return facts


def pointwise_order(io: OpIO) -> AccessOrder:
    """Value by value, where nothing is broadcast and all elements have one size."""
    out = io.output.type
    kinds = [t.type for t in io.inputs if t is not None and t.data is None]
    if any((k.shape, k.dtype.bytes) != (out.shape, out.dtype.bytes) for k in kinds):
        return NO_PROMISE
    sizes = [0 if t is None or t.data is not None else t.type.bytes for t in io.inputs]
    return elementwise(tuple(sizes), out.bytes)


class Float32Pointwise(Float32Kernel[OpT]):
    """Base of float32 kernels that are one function of single values, with a fused activation."""

    code_bytes: ClassVar[int] = 160
    shared_template: ClassVar[str] = TEMPLATE

    @property
    @abstractmethod
    def function(self) -> str:
        """A name in `ops.pointwise_functions.FUNCTIONS`."""

    def limits(self, op: OpT) -> tuple[float, float]:  # noqa: ARG002
        """Lowest and highest output."""
        return (-math.inf, math.inf)

    def parameters(self, op: OpT) -> tuple[float, ...]:  # noqa: ARG002
        """The function's real constants."""
        return ()

    def order(self, op: OpT, io: OpIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`."""
        return pointwise_order(io)

    def cost(self, op: OpT, io: OpIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        return pointwise_cost(io, self.function)

    def pack(self, op: OpT, io: OpIO) -> Packed:
        """See `Kernel.pack`."""
        return pack_pointwise(io, self.function, self.parameters(op), self.limits(op))

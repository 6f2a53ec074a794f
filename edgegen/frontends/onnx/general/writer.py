"""Writes one node as general operators."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgegen.errors import Problem, UnsupportedError
from edgegen.frontends.onnx.general.index_tables import factored
from edgegen.frontends.onnx.model import Array, Node, Shape, Value
from edgegen.ir import DType, TensorType
from edgegen.ops.pointwise_functions import FUNCTIONS, Kind
from edgegen.ops.real import activation_limits
from edgegen.ops.reduction import WHERE

if TYPE_CHECKING:
    from edgegen.frontends.onnx.lower.emitter import Emitter

Index = npt.NDArray[np.int64]


class Writer:
    """The operators of one node.

    Tensors are known by their names in the emitter; `out` makes the one of an output.
    """

    def __init__(self, emitter: Emitter, node: Node) -> None:
        self.emitter, self.node = emitter, node

    # --- the node's operands

    @property
    def opset(self) -> int:
        """Version of ONNX's own operators."""
        return self.emitter.model.opset

    def has(self, position: int) -> bool:
        """Whether an input is there."""
        return bool(self.node.input(position))

    def value(self, position: int) -> Value:
        """What is known about an input."""
        return self.emitter.value(self.node.input(position))

    def result(self, position: int = 0) -> Value:
        """What is known about an output."""
        return self.emitter.value(self.node.outputs[position])

    def data(self, position: int) -> Array | None:
        """A constant input's values; None where it is computed or left out."""
        return self.value(position).data if self.has(position) else None

    def integers(self, position: int, role: str) -> Shape | None:
        """The numbers of an input that must be constant, None where it is left out.

        Raises:
            UnsupportedError: it is computed at run time.
        """
        if not self.has(position):
            return None
        data = self.data(position)
        if data is None:
            raise UnsupportedError(
                Problem(
                    f"{role} {self.node.input(position)!r} is computed at run time",
                    why="it must be known when the code is generated",
                )
            )
        return tuple(int(v) for v in data.ravel())

    def read(self, position: int) -> str:
        """The tensor of an input."""
        return self.emitter.read(self.node.input(position))

    def kind(self, tensor: str) -> TensorType:
        """A tensor's type."""
        return self.emitter.tensors[tensor].type

    def shape(self, tensor: str) -> Shape:
        """A tensor's shape."""
        return self.kind(tensor).shape

    def constant(self, data: npt.ArrayLike, dtype: DType | None = None) -> str:
        """A constant."""
        array = np.asarray(data) if dtype is None else np.asarray(data, dtype.numpy)
        return self.emitter.constant("constant", array)

    def out(self, position: int = 0) -> str:
        """The tensor of an output, to be written."""
        return self.emitter.target(self.node.outputs[position])

    def temporary(self, dtype: DType, shape: Sequence[int]) -> str:
        """A tensor between two operators."""
        name = f"{self.node.outputs[0]}_part"
        return self.emitter.temporary(name, TensorType(dtype, tuple(shape)))

    # --- operators

    def pointwise(
        self,
        function: str,
        *operands: str,
        out: str | None = None,
        dtype: DType | None = None,
        parameters: Sequence[float] = (),
    ) -> str:
        """A function of single values; its type is the first operand's unless it says otherwise."""
        shape = np.broadcast_shapes(*(self.shape(t) for t in operands))
        if dtype is None:
            # The first operand of `where` only chooses.
            source = operands[-1 if function == "where" else 0]
            test = FUNCTIONS[function].kind is Kind.TEST
            dtype = DType.BOOL if test else self.kind(source).dtype
        output = out or self.temporary(dtype, shape)
        values = {f"parameter_{i}": float(v) for i, v in enumerate(parameters)}
        attributes: dict[str, Any] = {"function": function, **values}
        return self.emitter.emit(self.node, "pointwise", list(operands), output, **attributes)

    def reduce(
        self,
        function: str,
        x: str,
        axes: Sequence[int],
        *,
        out: str | None = None,
        keep: bool = True,
    ) -> str:
        """A reduction; without `out` the reduced dimensions stay, as ones, if `keep`."""
        dtype = DType.INT64 if function in WHERE else self.kind(x).dtype
        shape = [1 if i in axes else d for i, d in enumerate(self.shape(x))]
        if not keep:
            shape = [d for i, d in enumerate(self.shape(x)) if i not in axes]
        output = out or self.temporary(dtype, shape)
        attributes: dict[str, Any] = {"function": function, "axes": tuple(sorted(axes))}
        return self.emitter.emit(self.node, "reduction", [x], output, **attributes)

    def rearrange(self, x: str, index: Index, *, out: str | None = None, fill: float = 0.0) -> str:
        """The elements of `x` at the places of `index`, in its shape; the fill where that is -1."""
        tables = factored(index)
        output = out or self.temporary(self.kind(x).dtype, index.shape)
        flat = np.concatenate(tables.offsets).astype(np.int32)
        sizes = tuple(len(t) for t in tables.offsets)
        return self.emitter.emit(
            self.node,
            "rearrange",
            [x, self.constant(flat)],
            output,
            sizes=sizes,
            start=tables.start,
            fill=fill,
        )

    def reshape(self, x: str, shape: Sequence[int], *, out: str | None = None) -> str:
        """A tensor in another shape."""
        data = self.emitter.tensors[x].data
        if out is None and self.shape(x) == tuple(shape):
            return x
        if data is not None and out is None:
            return self.constant(data.reshape(tuple(shape)))
        if data is not None:
            return self.pointwise("identity", self.constant(data.reshape(tuple(shape))), out=out)
        output = out or self.temporary(self.kind(x).dtype, shape)
        return self.emitter.reshape(self.node, x, output)

    def write(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Any other operator."""
        return self.emitter.emit(self.node, kind, list(inputs), output, **attributes)

    def clamped(self, position: int = 0) -> str:
        """Where an operator writes that may carry a fused activation; `clamp` applies it."""
        if self.node.activation == "NONE":
            return self.out(position)
        value = self.emitter.kind(self.result(position))
        return self.temporary(value.dtype, value.shape)

    def clamp(self, written: str, position: int = 0) -> None:
        """Applies the fused activation to what was written, if there is one."""
        if self.node.activation != "NONE":
            low, high = activation_limits(self.node.activation)
            self.clip(written, low, high, out=self.out(position))

    def clip(self, x: str, low: float, high: float, *, out: str | None = None) -> str:
        """A tensor within two real bounds, which may be infinite."""
        bounds = [self.constant(v, DType.FLOAT32) for v in (low, high)]
        return self.pointwise("clip", x, *bounds, out=out)

    def cast(self, x: str, dtype: DType, *, out: str | None = None) -> str:
        """A tensor in another element type; itself where it has that."""
        if self.kind(x).dtype is dtype and out is None:
            return x
        return self.pointwise("cast", x, dtype=dtype, out=out)

    def real_axes(self, rank: int, axes: Sequence[int]) -> Shape:
        """Axes counted from the start, each once, in order.

        Raises:
            UnsupportedError: one does not exist.
        """
        if any(not -rank <= a < rank for a in axes):
            raise UnsupportedError(f"axes {list(axes)} of {rank} dimensions")
        return tuple(sorted({a % rank for a in axes}))

    def elements(self, tensor: str) -> int:
        """Number of elements of a tensor."""
        return math.prod(self.shape(tensor))

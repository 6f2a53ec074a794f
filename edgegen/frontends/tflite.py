"""Reads .tflite files (schema from the `tflite` package) into a neutral `RawGraph`."""

from __future__ import annotations

import functools
import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tflite

from edgegen.errors import EdgegenError, ModelFormatError, Problem, UnsupportedError
from edgegen.frontends.hybrid import float_weights
from edgegen.ir import DType, QuantParams, TensorType
from edgegen.ir.raw import Attribute, RawGraph, RawNode, RawTensor
from edgegen.ir.types import Array

IDENTIFIER = b"TFL3"
MAX_DIMENSION = 1 << 24
MAX_ELEMENTS = 1 << 28


def is_tflite(blob: bytes) -> bool:
    """Whether `blob` carries the TFLite file identifier."""
    return blob[4:8] == IDENTIFIER


def read(blob: bytes) -> RawGraph:
    """Parses a .tflite file.

    Raises:
        ModelFormatError: the file is damaged.
        UnsupportedError: it has more than one subgraph, or tensors that cannot be represented.
    """
    if not is_tflite(blob):
        raise ModelFormatError(
            Problem(
                "the file identifier TFL3 is missing",
                hint="is this a .tflite file, complete and not compressed?",
            )
        )
    try:
        return float_weights(_Reader(blob).graph())
    except EdgegenError:
        raise
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        MemoryError,
        RecursionError,
        TypeError,
        ValueError,
        struct.error,
    ) as error:
        # The generated schema code trusts every offset in the file: whatever it stumbles over in
        # a damaged file is the file's fault.
        raise ModelFormatError(
            Problem(
                "the flatbuffer is damaged or truncated",
                why=f"{type(error).__name__}: {error}"[:200],
                hint="copy or export the file again",
            )
        ) from error


@functools.cache
def _enum_names(enum: type) -> dict[int, str]:
    return {v: k for k, v in vars(enum).items() if isinstance(v, int)}


_ENUM_FIELDS: dict[str, Any] = {
    "padding": tflite.Padding,
    "fused_activation_function": tflite.ActivationFunctionType,
    "weights_format": tflite.FullyConnectedOptionsWeightsFormat,
}


def _snake(name: str) -> str:
    """Schema accessor to attribute name.

    >>> _snake("DilationHFactor"), _snake("StrideH"), _snake("KeepNumDims")
    ('dilation_h_factor', 'stride_h', 'keep_num_dims')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


@functools.cache
def _accessors(options: type) -> tuple[tuple[str, str, bool], ...]:
    """Accessors of an options table as (method, attribute name, whether it is a vector)."""
    methods = [n for n in vars(options) if not n.startswith("_") and n[0].isupper()]
    found = []
    for method in methods:
        if method.endswith(("AsNumpy", "IsNone", "Length", "BufferHasIdentifier")):
            continue
        if method.startswith("GetRootAs") or method == "Init":
            continue
        found.append((method, _snake(method), f"{method}AsNumpy" in methods))
    return tuple(found)


@dataclass
class _Reader:
    """State of one parse."""

    blob: bytes

    def graph(self) -> RawGraph:
        model = tflite.Model.GetRootAsModel(self.blob, 0)
        subgraphs = self._sane(model.SubgraphsLength(), "subgraphs")
        if subgraphs == 0:
            raise ModelFormatError("the file holds no subgraph")
        if subgraphs > 1:
            raise UnsupportedError(
                Problem(
                    f"the model has {subgraphs} subgraphs",
                    why="control flow (IF, WHILE, CALL) is not supported",
                    hint="convert a model without loops and conditions, or unroll them",
                )
            )
        self.model = model
        self.subgraph = model.Subgraphs(0)
        self.problems: list[Problem] = []
        self.names = self._tensor_names()
        tensors = {}
        for i, name in enumerate(self.names):
            tensor = self._tensor(i, name)
            if tensor is not None:
                tensors[name] = tensor
        if self.problems:
            raise UnsupportedError(self.problems)
        count = self.subgraph.OperatorsLength()
        nodes = tuple(self._node(i) for i in range(self._sane(count, "operators")))
        return RawGraph(
            tensors,
            nodes,
            tuple(self._name(int(i)) for i in self._ints(self.subgraph, "Inputs")),
            tuple(self._name(int(i)) for i in self._ints(self.subgraph, "Outputs")),
        )

    def _sane(self, count: int, what: str) -> int:
        """Every element takes at least four bytes of file, which bounds any honest count."""
        if not 0 <= count <= len(self.blob) // 4:
            raise ModelFormatError(f"the file claims to hold {count} {what}")
        return count

    def _ints(self, table: Any, field: str) -> tuple[int, ...]:
        """A vector of integers; absent means empty."""
        length = self._sane(getattr(table, f"{field}Length")(), field.lower())
        if not length:
            return ()
        return tuple(int(v) for v in getattr(table, f"{field}AsNumpy")())

    def _tensor_names(self) -> tuple[str, ...]:
        """Unique tensor names; an empty or repeated one gets its index."""
        names: dict[str, None] = {}
        for i in range(self._sane(self.subgraph.TensorsLength(), "tensors")):
            raw = self.subgraph.Tensors(i).Name()
            name = (raw or b"").decode("utf-8", "replace") or f"tensor_{i}"
            while name in names:
                name = f"{name}#{i}"
            names[name] = None
        return tuple(names)

    def _name(self, index: int) -> str:
        if not 0 <= index < len(self.names):
            raise ModelFormatError(f"tensor index {index} is out of range")
        return self.names[index]

    def _tensor(self, index: int, name: str) -> RawTensor | None:
        tensor = self.subgraph.Tensors(index)
        code = tensor.Type()
        type_name = _enum_names(tflite.TensorType).get(code, f"type {code}").lower()
        where = f"tensor {index} {name!r}"
        try:
            dtype = DType(type_name)
        except ValueError:
            self.problems.append(
                Problem(
                    f"element type {type_name} is not supported",
                    where,
                    hint="convert the model with full-integer int8 quantisation",
                )
            )
            return None
        shape = self._ints(tensor, "Shape")
        if any(not 0 < d <= MAX_DIMENSION for d in shape) or math.prod(shape) > MAX_ELEMENTS:
            self.problems.append(
                Problem(
                    f"shape {list(shape)} is not a fixed, positive size",
                    where,
                    hint="convert the model with a fixed input shape",
                )
            )
            return None
        if tensor.Sparsity() is not None:
            self.problems.append(
                Problem("sparse storage is not supported", where, hint="convert without sparsity")
            )
        if tensor.IsVariable():
            self.problems.append(
                Problem("state between inferences (a variable tensor) is not supported", where)
            )
        signature = self._ints(tensor, "ShapeSignature")
        if any(d < 0 for d in signature[1:]):
            self.problems.append(
                Problem(
                    f"shape {list(signature)} has unknown dimensions besides the batch",
                    where,
                    hint="convert the model with a fixed input shape",
                )
            )
        quant = self._quant(tensor, shape, where)
        kind = TensorType(dtype, shape, quant)
        return RawTensor(name, kind, self._data(tensor, kind, where))

    def _data(self, tensor: Any, kind: TensorType, where: str) -> Array | None:
        """The constant bytes of a tensor; None for one that is computed."""
        index = tensor.Buffer()
        if not 0 <= index < self.model.BuffersLength():
            raise ModelFormatError(Problem(f"buffer index {index} is out of range", where))
        buffer = self.model.Buffers(index)
        length = self._length(buffer.DataLength(), where)
        if length == 0:
            return None
        if length != kind.bytes:
            raise ModelFormatError(
                Problem(f"its buffer holds {length} bytes where {kind} needs {kind.bytes}", where)
            )
        raw = buffer.DataAsNumpy()
        if raw.size != length:
            raise ModelFormatError(Problem("its buffer runs past the end of the file", where))
        little = kind.dtype.numpy.newbyteorder("<")
        return np.frombuffer(raw.tobytes(), little).astype(kind.dtype.numpy).reshape(kind.shape)

    def _length(self, length: int, where: str) -> int:
        if not 0 <= length <= len(self.blob):
            raise ModelFormatError(Problem(f"its buffer claims {length} bytes", where))
        return length

    def _quant(self, tensor: Any, shape: tuple[int, ...], where: str) -> QuantParams | None:
        params = tensor.Quantization()
        # A float model made from a quantised one may still carry scales; they mean nothing.
        if (
            params is None
            or params.ScaleLength() == 0
            or tensor.Type() == tflite.TensorType.FLOAT32
        ):
            return None
        count = self._sane(params.ScaleLength(), "scales")
        if params.ZeroPointLength() not in (0, count):
            raise ModelFormatError(
                Problem(f"{count} scales but {params.ZeroPointLength()} zero points", where)
            )
        scales = tuple(float(v) for v in params.ScaleAsNumpy())
        points = self._ints(params, "ZeroPoint") or (0,) * count
        if not all(math.isfinite(s) and s > 0 for s in scales):
            raise ModelFormatError(
                Problem("a quantisation scale is not positive and finite", where)
            )
        axis = params.QuantizedDimension() if count > 1 else None
        if axis is not None and (not 0 <= axis < len(shape) or shape[axis] != count):
            raise ModelFormatError(
                Problem(f"{count} scales do not match dimension {axis} of {list(shape)}", where)
            )
        return QuantParams(scales, points, axis)

    def _node(self, index: int) -> RawNode:
        operator = self.subgraph.Operators(index)
        if operator.OpcodeIndex() >= self.model.OperatorCodesLength():
            raise ModelFormatError(Problem("operator code is out of range", f"op {index}"))
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        kind = _enum_names(tflite.BuiltinOperator).get(builtin, f"BUILTIN_{builtin}")
        if kind == "CUSTOM":
            kind = "CUSTOM " + (code.CustomCode() or b"").decode("utf-8", "replace")
        return RawNode(
            index=index,
            type=kind,
            version=int(code.Version()),
            inputs=tuple(None if i < 0 else self._name(i) for i in self._ints(operator, "Inputs")),
            outputs=tuple(self._name(i) for i in self._ints(operator, "Outputs")),
            attributes=self._attributes(operator),
        )

    def _attributes(self, operator: Any) -> dict[str, Attribute]:
        """All fields of the operator's options table, whatever its type."""
        kind = _enum_names(tflite.BuiltinOptions).get(operator.BuiltinOptionsType())
        table = operator.BuiltinOptions()
        options = getattr(tflite, kind, None) if kind else None
        if table is None or options is None:
            return {}
        reader = options()
        reader.Init(table.Bytes, table.Pos)
        attributes: dict[str, Attribute] = {}
        for method, name, vector in _accessors(options):
            if vector:
                attributes[name] = self._ints(reader, method)
                continue
            read_field: Callable[[], Any] = getattr(reader, method)
            value = read_field()
            if name in _ENUM_FIELDS:
                attributes[name] = _enum_names(_ENUM_FIELDS[name]).get(int(value), f"value {value}")
            elif isinstance(value, (bool, int, float)):
                attributes[name] = value
        return attributes

"""Writes .tflite files by schema names, with the builders of the `tflite` package.

Knows nothing of the IR: what it is told is what the file holds, right or wrong.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import tflite

Array = npt.NDArray[np.generic]
OptionValue = int | float | bool | str | Sequence[int]

BUFFER_ALIGNMENT = 16
"""Alignment of constants in the file, in bytes, as the schema's `force_align` asks."""

_IRREGULAR_TABLES = {
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "L2_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "SUM": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "REDUCE_PROD": "ReducerOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTMOptions",
}

_ENUMS = {
    "padding": tflite.Padding,
    "fusedactivationfunction": tflite.ActivationFunctionType,
    "weightsformat": tflite.FullyConnectedOptionsWeightsFormat,
    "mode": tflite.MirrorPadMode,
    "indatatype": tflite.TensorType,
    "outdatatype": tflite.TensorType,
}


@dataclass(frozen=True)
class TensorSpec:
    """A tensor of the file; `data` is None for one that is computed or fed."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis: int = 0
    data: Array | None = None


@dataclass(frozen=True)
class OperatorSpec:
    """An operator by schema names; tensor indices, -1 where an optional input is left out."""

    op: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, OptionValue] | None = None
    options_table: str | None = None


def write_model(
    tensors: Sequence[TensorSpec],
    operators: Sequence[OperatorSpec],
    inputs: Sequence[int],
    outputs: Sequence[int],
    description: str = "",
) -> bytes:
    """The bytes of a .tflite file with one subgraph.

    Args:
        tensors: all tensors; operators and ports name them by index.
        operators: in execution order.
        inputs: tensors that are fed.
        outputs: tensors that are read.
        description: free text in the file.
    """
    b = flatbuffers.Builder(1024)
    # Buffer 0 is the empty one that all computed tensors share.
    contents = [None, *(t.data for t in tensors if t.data is not None)]
    buffers = _tables(b, "Model", "Buffers", [_buffer(b, data) for data in contents])
    constants = iter(range(1, len(contents)))
    offsets = [_tensor(b, t, 0 if t.data is None else next(constants)) for t in tensors]
    tensor_vector = _tables(b, "SubGraph", "Tensors", offsets)
    # An operator code is written once however many operators have it.
    kinds = list(dict.fromkeys((spec.op, spec.version) for spec in operators))
    operator_vector = _tables(
        b,
        "SubGraph",
        "Operators",
        [_operator(b, kinds.index((spec.op, spec.version)), spec) for spec in operators],
    )
    subgraph = _table(
        b,
        "SubGraph",
        Tensors=tensor_vector,
        Inputs=_int32s(b, inputs),
        Outputs=_int32s(b, outputs),
        Operators=operator_vector,
    )
    codes = _tables(b, "Model", "OperatorCodes", [_operator_code(b, *code) for code in kinds])
    model = _table(
        b,
        "Model",
        Version=3,
        OperatorCodes=codes,
        Subgraphs=_tables(b, "Model", "Subgraphs", [subgraph]),
        Description=b.CreateString(description),
        Buffers=buffers,
    )
    b.Finish(model, file_identifier=b"TFL3")
    return bytes(b.Output())


def options_table(op: str) -> str:
    """Name of the options table of an operator.

    >>> options_table("DEPTHWISE_CONV_2D"), options_table("MEAN")
    ('DepthwiseConv2DOptions', 'ReducerOptions')
    """
    if op in _IRREGULAR_TABLES:
        return _IRREGULAR_TABLES[op]
    wanted = op.replace("_", "").lower() + "options"
    names = [n for n in vars(tflite.BuiltinOptions) if n.lower() == wanted]
    if not names:
        raise ValueError(f"no options table is known for {op}")
    return str(names[0])


def _module(table: str) -> ModuleType:
    return importlib.import_module(f"tflite.{table}")


def _table(b: Any, name: str, **fields: Any) -> int:
    """Writes a table; nested values must be offsets already."""
    module = _module(name)
    getattr(module, f"{name}Start")(b)
    for field, value in fields.items():
        getattr(module, f"{name}Add{field}")(b, value)
    return int(getattr(module, f"{name}End")(b))


def _tables(b: Any, name: str, field: str, offsets: Sequence[int]) -> int:
    getattr(_module(name), f"{name}Start{field}Vector")(b, len(offsets))
    for offset in reversed(offsets):
        b.PrependUOffsetTRelative(offset)
    return int(b.EndVector())


def _int32s(b: Any, values: Sequence[int]) -> int:
    b.StartVector(4, len(values), 4)
    for value in reversed(values):
        b.PrependInt32(value)
    return int(b.EndVector())


def _buffer(b: Any, data: Array | None) -> int:
    if data is None:
        return _table(b, "Buffer")
    content = np.ascontiguousarray(data).tobytes()
    # Aligned here, so that the byte vector that follows needs no padding of its own.
    b.Prep(BUFFER_ALIGNMENT, len(content))
    return _table(b, "Buffer", Data=int(b.CreateByteVector(content)))


def _tensor(b: Any, spec: TensorSpec, buffer: int) -> int:
    fields: dict[str, Any] = {"Name": b.CreateString(spec.name), "Shape": _int32s(b, spec.shape)}
    if spec.scales:
        b.StartVector(4, len(spec.scales), 4)
        for scale in reversed(spec.scales):
            b.PrependFloat32(scale)
        scales = int(b.EndVector())
        b.StartVector(8, len(spec.zero_points), 8)
        for point in reversed(spec.zero_points):
            b.PrependInt64(point)
        fields["Quantization"] = _table(
            b,
            "QuantizationParameters",
            Scale=scales,
            ZeroPoint=int(b.EndVector()),
            QuantizedDimension=spec.axis,
        )
    element = getattr(tflite.TensorType, spec.dtype.upper())
    return _table(b, "Tensor", Type=element, Buffer=buffer, **fields)


def _operator_code(b: Any, op: str, version: int) -> int:
    code = getattr(tflite.BuiltinOperator, op)
    return _table(
        b,
        "OperatorCode",
        # Old readers know only this field, an int8: codes that do not fit are marked by 127.
        DeprecatedBuiltinCode=min(code, 127),
        Version=version,
        BuiltinCode=code,
    )


def _operator(b: Any, code: int, spec: OperatorSpec) -> int:
    fields: dict[str, Any] = {
        "OpcodeIndex": code,
        "Inputs": _int32s(b, spec.inputs),
        "Outputs": _int32s(b, spec.outputs),
    }
    if spec.options is not None:
        table = spec.options_table or options_table(spec.op)
        fields["BuiltinOptionsType"] = getattr(tflite.BuiltinOptions, table)
        fields["BuiltinOptions"] = _options(b, table, spec.options)
    return _table(b, "Operator", **fields)


def _options(b: Any, table: str, options: Mapping[str, OptionValue]) -> int:
    """Writes an options table from snake-case names."""
    prefix = f"{table}Add"
    adders = {
        name.removeprefix(prefix).lower(): name.removeprefix(prefix)
        for name in vars(_module(table))
        if name.startswith(prefix)
    }
    fields: dict[str, Any] = {}
    for name, value in options.items():
        key = name.replace("_", "").lower()
        if key not in adders:
            raise ValueError(f"{table} has no option {name!r}")
        if isinstance(value, str):
            fields[adders[key]] = getattr(_ENUMS[key], value)
        elif isinstance(value, (bool, int, float)):
            fields[adders[key]] = value
        else:
            fields[adders[key]] = _int32s(b, value)
    return _table(b, table, **fields)

"""Pieces of shape and type rules that several operators share."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import DType, OpIO, Tensor, TensorKind
from edgegen.ir.row_window import ONE_ROW, RowWindow
from edgegen.ir.types import Array
from edgegen.ops.window import Window

PADDINGS = ("SAME", "VALID")


def count_problems(io: OpIO, inputs: tuple[int, int], outputs: int = 1) -> list[Problem]:
    """Checks the number of tensors; `inputs` is the lowest and highest allowed."""
    low, high = inputs
    problems = []
    if not low <= len(io.inputs) <= high:
        wanted = str(low) if low == high else f"{low} to {high}"
        problems.append(Problem(f"has {len(io.inputs)} inputs instead of {wanted}"))
    problems += [
        Problem(f"input {i} is missing") for i, t in enumerate(io.inputs[:low]) if t is None
    ]
    if len(io.outputs) != outputs:
        problems.append(Problem(f"has {len(io.outputs)} outputs instead of {outputs}"))
    return problems


def quantised_problems(
    tensor: Tensor, *, role: str, dtypes: Sequence[DType] = (DType.INT8,)
) -> list[Problem]:
    """Checks that a tensor has one of `dtypes` and is quantised per tensor."""
    problems = []
    if tensor.type.dtype not in dtypes:
        allowed = " or ".join(d.value for d in dtypes)
        problems.append(
            Problem(
                f"{role} {tensor.name!r} is {tensor.type.dtype.value} instead of {allowed}",
                hint="convert the model with full-integer int8 quantisation",
            )
        )
    quant = tensor.type.quant
    if quant is None or quant.per_channel:
        problems.append(
            Problem(
                f"{role} {tensor.name!r} has "
                + ("no quantisation" if quant is None else "per-channel quantisation"),
                why="one scale and zero point for the whole tensor are needed",
            )
        )
    elif tensor.type.dtype in dtypes:
        low, high = tensor.type.dtype.limits
        if not low <= quant.zero_point <= high:
            problems.append(Problem(f"{role} {tensor.name!r}: zero point is out of range"))
        elif tensor.type.dtype is DType.INT16 and quant.zero_point:
            problems.append(
                Problem(
                    f"{role} {tensor.name!r} has the zero point {quant.zero_point}",
                    why="TFLite's int16 activations are symmetric: their zero point is 0",
                )
            )
    return problems


def is_float(io: OpIO) -> bool:
    """Whether an operator follows its float32 rule: its first tensor, which must be there, says."""
    first = io.optional(0)
    return first is not None and first.type.dtype is DType.FLOAT32


def is_int16(io: OpIO) -> bool:
    """Whether an operator computes on int16 activations, as its first tensor says."""
    first = io.optional(0)
    return first is not None and first.type.dtype is DType.INT16


def value_problems(io: OpIO, tensor: Tensor, *, role: str, int16: bool = False) -> list[Problem]:
    """Checks a tensor's element type: float32 or int16 as the first input, or quantised int8.

    Args:
        io: the operator's tensors.
        tensor: one of them.
        role: what it is.
        int16: whether the operator knows int16 activations.
    """
    if not is_float(io):
        kind = DType.INT16 if int16 and is_int16(io) else DType.INT8
        return quantised_problems(tensor, role=role, dtypes=(kind,))
    if tensor.type.dtype is DType.FLOAT32:
        return []
    return [
        Problem(
            f"{role} {tensor.name!r} is {tensor.type.dtype.value} where the first input is float32",
            why="an operator computes either on float32 or on integers",
        )
    ]


def constant_problems(tensor: Tensor, *, role: str, dtype: DType) -> list[Problem]:
    """Checks that a tensor is a constant of `dtype`."""
    if tensor.kind is not TensorKind.CONSTANT:
        return [
            Problem(
                f"{role} {tensor.name!r} is computed at run time",
                why="it must be a constant of the model",
            )
        ]
    if tensor.type.dtype is not dtype:
        return [Problem(f"{role} {tensor.name!r} is {tensor.type.dtype.value}, not {dtype.value}")]
    return []


def shape_problems(
    tensor: Tensor, expected: Sequence[int], *, role: str = "output"
) -> list[Problem]:
    """Checks a shape that the operator's rule determines."""
    if tensor.type.shape == tuple(expected):
        return []
    return [
        Problem(
            f"{role} {tensor.name!r} has shape {list(tensor.type.shape)} "
            f"where the operator gives {list(expected)}"
        )
    ]


def rank_problems(tensor: Tensor, rank: int, *, role: str) -> list[Problem]:
    """Checks the number of dimensions."""
    if len(tensor.type.shape) == rank:
        return []
    return [
        Problem(f"{role} {tensor.name!r} has {len(tensor.type.shape)} dimensions instead of {rank}")
    ]


def same_quant_problems(a: Tensor, b: Tensor) -> list[Problem]:
    """Checks that two tensors share type, scale and zero point: the operator only moves bytes."""
    if (a.type.dtype, a.type.quant) == (b.type.dtype, b.type.quant):
        return []
    return [
        Problem(
            f"{a.name!r} and {b.name!r} differ in type or quantisation",
            why="this operator moves bytes without rescaling, as TFLite's int8 kernel does",
            hint="insert a QUANTIZE between them",
        )
    ]


def int_constant(io: OpIO, index: int) -> Array | None:
    """The values of a constant input as a flat int64 array, or None."""
    tensor = io.optional(index)
    if tensor is None or tensor.data is None or tensor.data.dtype.kind not in "iu":
        return None
    return tensor.data.astype(np.int64).ravel()


def saturate(values: Array, low: int, high: int, dtype: DType = DType.INT8) -> Array:
    """Clamps to [low, high] and converts."""
    return np.clip(values, low, high).astype(dtype.numpy)


def padding_problems(padding: str, pads: Sequence[int] = ()) -> list[Problem]:
    """Checks the name of a padding scheme, and that EXPLICIT has amounts for both axes."""
    if padding == "EXPLICIT" and len(pads) == 4:
        return []
    if padding in PADDINGS and not pads:
        return []
    return [Problem(f"padding {padding} is unknown")]


def batch_problems(tensor: Tensor) -> list[Problem]:
    """Checks that the first dimension is 1."""
    if tensor.type.shape[0] == 1:
        return []
    return [
        Problem(
            f"{tensor.name!r} has batch {tensor.type.shape[0]}",
            hint="convert the model with a batch of 1",
        )
    ]


def limits(io: OpIO) -> tuple[int, int]:
    """Lowest and highest value of the output's integer type."""
    return io.output.type.dtype.limits


def version(io: OpIO, *, int8: int, other: int = 1, int16: int = 0) -> int:
    """A TFLite operator's version number: that of its int8 or int16 form, or the one before them.

    Source: TFLite 2.14 `tools/versioning/op_version.cc`.
    """
    if io.output.type.dtype is DType.INT16 and int16:
        return int16
    return int8 if io.output.type.dtype is DType.INT8 else other


def elementwise_rows(io: OpIO) -> tuple[RowWindow | None, ...] | None:
    """`Op.row_windows` of an operator that works value by value on images of one shape.

    Constants may broadcast; another activation that does leaves no rows.
    """
    if len(io.output.type.shape) != 4:
        return None
    found: list[RowWindow | None] = []
    for tensor in io.inputs:
        if tensor is None or tensor.data is not None:
            if tensor is not None and not _same_for_rows(tensor):
                return None
            found.append(None)
        elif tensor.type.shape == io.output.type.shape:
            found.append(ONE_ROW)
        else:
            return None
    return tuple(found)


def _same_for_rows(constant: Tensor) -> bool:
    """Whether a constant is the same for all rows of an image."""
    shape = constant.type.shape
    return len(shape) < 3 or math.prod(shape[:-2]) == 1


def windowed_rows(io: OpIO, height: Window) -> tuple[RowWindow | None, ...]:
    """`Op.row_windows` of an operator that slides a window over input 0; the rest are constants."""
    rows = height.rows(io.input(0).type.shape[1])
    return (rows, *(None for _ in io.inputs[1:]))

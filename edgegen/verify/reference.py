"""Runs a graph through the operators' numpy references."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np

from edgegen.errors import InputError, InternalError, Problem
from edgegen.ir import DType, Graph, TensorType
from edgegen.ir.types import Array

RAMP_OFFSET = 11


def ramp(kind: TensorType, offset: int = RAMP_OFFSET) -> Array:
    """The standard input pattern: byte i is (37 i + offset) modulo 256, read as the dtype.

    A float32 is such a byte, less 128, over 64: from -2 to almost 2. A bool is its lowest bit.
    """
    if kind.dtype in (DType.FLOAT32, DType.BOOL):
        steps = (np.arange(kind.elements, dtype=np.int64) * 37 + offset) & 255
        values = steps & 1 if kind.dtype is DType.BOOL else (steps - 128) / 64
        return values.astype(kind.dtype.numpy).reshape(kind.shape)
    count = np.arange(kind.bytes, dtype=np.uint64)
    pattern = ((count * 37 + offset) & 255).astype(np.uint8)
    return pattern.view(kind.dtype.numpy).reshape(kind.shape)


def evaluate(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Computes every tensor of the graph.

    Args:
        graph: a verified graph.
        inputs: one array for each graph input, in its dtype and shape.

    Returns:
        All activations by tensor name, graph inputs included.

    Raises:
        InputError: an input is missing or has another type or shape.
    """
    problems = [p for n in graph.inputs for p in _input_problems(graph, n, inputs.get(n))]
    if problems:
        raise InputError(problems)
    values: dict[str, Array] = {n: inputs[n] for n in graph.inputs}
    for op in graph.ops:
        io = graph.io(op)
        arguments = [
            None if t is None else (t.data if t.data is not None else values[t.name])
            for t in io.inputs
        ]
        # float32 may overflow to infinity and make NaN, as it does in C.
        with np.errstate(all="ignore"):
            results = op.evaluate(io, arguments)
        for tensor, value in zip(io.outputs, results, strict=True):
            if value.shape != tensor.type.shape or value.dtype != tensor.type.dtype.numpy:
                raise InternalError(
                    Problem(
                        f"reference gives {value.dtype}{list(value.shape)} for {tensor.type}",
                        graph.where(op),
                    )
                )
            values[tensor.name] = value
    return values


def _input_problems(graph: Graph, name: str, value: Array | None) -> list[Problem]:
    kind = graph.tensor(name).type
    if value is None:
        return [Problem(f"input {name!r} is missing")]
    if value.shape != kind.shape or value.dtype != kind.dtype.numpy:
        return [Problem(f"input {name!r} is {value.dtype}{list(value.shape)} instead of {kind}")]
    return []


def golden_crc(graph: Graph) -> int:
    """CRC-32 of the outputs for the ramp: tells models apart, whatever they were built with."""
    values = evaluate(graph, {n: ramp(graph.tensor(n).type) for n in graph.inputs})
    return zlib.crc32(b"".join(values[n].tobytes() for n in graph.outputs))

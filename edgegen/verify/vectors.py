"""Input vectors: from an .npz file, or a standard set that stresses the extremes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgegen.errors import InputError, Problem
from edgegen.ir import DType, Graph, TensorType
from edgegen.ir.types import Array
from edgegen.verify.arrays import read_arrays
from edgegen.verify.reference import ramp

RANDOM_VECTORS = 8
FLOAT_RANGE = 2.0
"""Random float32 inputs are uniform within this range of zero; the extremes are its ends."""


@dataclass(frozen=True)
class Vectors:
    """Inputs of several inferences, and what the file says about their outputs.

    Attributes:
        batches: for each inference, arrays by graph input name.
        title: where they come from.
        recorded: recorded outputs [inferences, ...] by array name, where the file has them.
        labels: class labels [inferences], or None.
    """

    batches: tuple[Mapping[str, Array], ...]
    title: str
    recorded: Mapping[str, Array]
    labels: Array | None = None


def standard_vectors(graph: Graph, random: int = RANDOM_VECTORS) -> Vectors:
    """The ramp, all lowest, all highest, and `random` pseudo-random vectors."""
    batches = [
        {n: ramp(graph.tensor(n).type) for n in graph.inputs},
        {n: _constant(graph.tensor(n).type, 0) for n in graph.inputs},
        {n: _constant(graph.tensor(n).type, 1) for n in graph.inputs},
    ]
    # random_raw is the one stream that numpy guarantees never to change.
    bits = np.random.PCG64(2024)
    batches += [
        {n: _random(graph.tensor(n).type, bits) for n in graph.inputs} for _ in range(random)
    ]
    return Vectors(tuple(batches), f"ramp, extremes and {random} random vectors", {})


def _constant(kind: TensorType, which: int) -> Array:
    if kind.dtype is DType.FLOAT32:
        return np.full(kind.shape, (-FLOAT_RANGE, FLOAT_RANGE)[which], np.float32)
    if kind.dtype is DType.BOOL:
        return np.full(kind.shape, which, np.bool_)
    return np.full(kind.shape, kind.dtype.limits[which], kind.dtype.numpy)


def _random(kind: TensorType, bits: np.random.PCG64) -> Array:
    words = bits.random_raw(math.ceil(kind.bytes / 8))
    if kind.dtype is DType.FLOAT32:
        halves = np.asarray(words, np.uint64).view(np.uint32)[: kind.elements] >> np.uint32(8)
        values = (halves / 2.0**23 - 1.0) * FLOAT_RANGE
        return values.astype(np.float32).reshape(kind.shape)
    raw = np.asarray(words, np.uint64).view(np.uint8)[: kind.bytes]
    if kind.dtype is DType.BOOL:
        return (raw & 1).astype(np.bool_).reshape(kind.shape)
    return raw.view(kind.dtype.numpy).reshape(kind.shape)


def load_vectors(path: Path, graph: Graph) -> Vectors:
    """Reads an .npz, .npy or folder: an array `inputs`, or one named after each graph input.

    The first dimension counts inferences. Arrays called `outputs...` hold recorded outputs of a
    model with one output; `labels` holds class numbers.

    Raises:
        InputError: the file cannot be read or its arrays do not fit the model.
    """
    return vectors_of(read_arrays(path), path.name, graph)


def vectors_of(arrays: Mapping[str, Array], title: str, graph: Graph) -> Vectors:
    """Finds a graph's inputs among arrays, as `load_vectors` describes.

    Raises:
        InputError: the arrays do not fit the model.
    """
    chosen = {}
    problems = []
    for name in graph.inputs:
        key = name if name in arrays else "inputs" if len(graph.inputs) == 1 else None
        if key is None or key not in arrays:
            problems.append(
                Problem(
                    f"{title} has no array for input {name!r}",
                    hint=f"arrays: {', '.join(arrays)}; name one {name!r} or `inputs`",
                )
            )
            continue
        chosen[name] = arrays[key]
        problems += _fit_problems(chosen[name], graph.tensor(name).type, name)
    counts = {len(a) for a in chosen.values() if a.ndim}
    if not problems and len(counts) != 1:
        problems.append(Problem(f"{title}: inputs differ in number: {sorted(counts)}"))
    if problems:
        raise InputError(problems)
    (count,) = counts
    batches = tuple(
        {n: chosen[n][i].reshape(graph.tensor(n).type.shape) for n in graph.inputs}
        for i in range(count)
    )
    recorded = {
        n: a for n, a in arrays.items() if n.startswith("outputs") and _matches(a, graph, count)
    }
    labels = arrays.get("labels")
    return Vectors(
        batches,
        title,
        recorded,
        labels if labels is not None and len(labels) == count else None,
    )


def _fit_problems(value: Array, kind: TensorType, name: str) -> list[Problem]:
    size = math.prod(value.shape[1:]) if value.ndim else 0
    if value.dtype == kind.dtype.numpy and size == kind.elements and len(value):
        return []
    return [
        Problem(
            f"array for input {name!r} is {value.dtype}{list(value.shape)}",
            hint=f"give [inferences, {', '.join(map(str, kind.shape))}] of {kind.dtype.value}",
        )
    ]


def _matches(value: Array, graph: Graph, count: int) -> bool:
    if len(graph.outputs) != 1:
        return False
    kind = graph.tensor(graph.outputs[0]).type
    return value.dtype == kind.dtype.numpy and value.size == count * kind.elements

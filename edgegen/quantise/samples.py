"""Float samples of a model's inputs, from files of floats or of quantised integers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgegen.errors import InputError, Problem
from edgegen.ir import Graph, QuantParams
from edgegen.ir.types import Array
from edgegen.quantise.layers import dequantised
from edgegen.quantise.observe import Sample
from edgegen.verify.arrays import read_arrays
from edgegen.verify.vectors import vectors_of

LABELS = "labels"


@dataclass(frozen=True)
class Samples:
    """Inputs of several inferences and perhaps the classes they belong to.

    Attributes:
        inputs: for each inference float arrays by graph input name.
        labels: class numbers [inferences], or None.
        title: where they come from.
    """

    inputs: tuple[Sample, ...]
    labels: Array | None
    title: str


def load_samples(
    path: Path, graph: Graph, integers: QuantParams | None = None, labels: Path | None = None
) -> Samples:
    """Reads samples: an array `inputs`, or one array named after each graph input.

    Args:
        path: an .npz, a .npy, or a folder of them with one inference a file.
        graph: the float model.
        integers: what integers in the file mean; without it they are refused.
        labels: a file of class numbers; by default an array `labels` in `path`.

    Raises:
        InputError: the files cannot be read or do not fit the model.
    """
    arrays = read_arrays(path)
    inputs = {n: a for n, a in arrays.items() if n in graph.inputs or n == "inputs"}
    problems = [
        Problem(
            f"array {name!r} of {path.name} is {array.dtype}, and the model wants float32",
            why="edgegen cannot know which real values the integers stand for",
            hint="give real values as the model was trained on, or --input-scale and "
            "--input-zero-point",
        )
        for name, array in inputs.items()
        if array.dtype.kind in "iu" and integers is None
    ]
    if problems:
        raise InputError(problems)
    real = {n: _real(a, integers) for n, a in inputs.items()}
    if labels is not None:
        real[LABELS] = _labels(labels)
    elif LABELS in arrays:
        real[LABELS] = arrays[LABELS]
    found = vectors_of(real, path.name, graph)
    if labels is not None and found.labels is None:
        raise InputError(
            Problem(
                f"{labels.name} has {len(real[LABELS])} labels for {len(found.batches)} samples"
            )
        )
    return Samples(found.batches, found.labels, path.name)


def integer_meaning(scale: float | None, zero_point: int) -> QuantParams | None:
    """What integer samples mean, as the user said; None if nothing was said.

    Raises:
        InputError: the scale is not a positive number.
    """
    if scale is None:
        return None
    if not 0 < scale < float("inf"):
        raise InputError(f"input scale {scale:g} is not a positive number")
    return QuantParams((scale,), (zero_point,))


def _real(array: Array, integers: QuantParams | None) -> Array:
    if array.dtype.kind in "iu" and integers is not None:
        return dequantised(array, integers)
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def _labels(path: Path) -> Array:
    arrays = read_arrays(path)
    found = arrays.get(LABELS, next(iter(arrays.values())) if len(arrays) == 1 else None)
    if found is None or found.ndim != 1 or found.dtype.kind not in "iu":
        raise InputError(
            Problem(f"{path.name} is no list of class numbers", hint="integers, one for a sample")
        )
    return found

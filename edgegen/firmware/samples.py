"""The inferences that a demonstration carries with it: inputs, reference outputs, labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from edgegen.codegen.filters import wrap_values
from edgegen.codegen.views import Port
from edgegen.errors import InputError, Problem
from edgegen.ir import DType, Graph
from edgegen.ir.types import Array
from edgegen.kernels.c_types import float_literal
from edgegen.verify.arrays import read_arrays
from edgegen.verify.reference import evaluate
from edgegen.verify.tolerance import allowed
from edgegen.verify.vectors import Vectors, load_vectors, standard_vectors

NAMES: Final = "label_names"
"""The array of an .npz file that names the classes."""

DEFAULT_COUNT: Final = 4


@dataclass(frozen=True)
class Samples:
    """A few inferences.

    Attributes:
        title: where they come from.
        values: for each of them, arrays by the name of the graph's input or output.
        labels: class numbers, as many; or empty.
        names: of the classes; or empty.
        tolerances: for each output the largest difference that a float32 value may have, a C
            literal; empty for integers, which are equal.
    """

    title: str
    values: tuple[dict[str, Array], ...]
    labels: tuple[int, ...]
    names: tuple[str, ...]
    tolerances: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.values)

    @property
    def bytes(self) -> int:
        """Of all their arrays."""
        return sum(array.nbytes for value in self.values for array in value.values())

    def arrays(self, ports: Sequence[Port]) -> Iterator[tuple[Port, list[str]]]:
        """For each port the bytes of all samples, ready for C."""
        for port in ports:
            yield port, [_bytes(value[port.tensor.name]) for value in self.values]


def choose_samples(
    graph: Graph,
    file: Path | None = None,
    names: Sequence[str] = (),
    count: int = DEFAULT_COUNT,
) -> Samples:
    """A few inferences of a file, of different classes where it has labels; else the ramp.

    Args:
        graph: the model as it was read.
        file: as for `edgegen verify --inputs`; its array `label_names` names the classes.
        names: of the classes, if the file has none.
        count: how many at most.

    Raises:
        InputError: the file does not fit the model, or there are more classes than names.
    """
    if file is None:
        vectors = standard_vectors(graph, random=0)
        chosen: Sequence[int] = (0,)
    else:
        vectors = load_vectors(file, graph)
        names = names or _names_in(file)
        chosen = _different(vectors, count)
    labels = () if vectors.labels is None else tuple(int(vectors.labels[i]) for i in chosen)
    _check_names(graph, labels, names)
    values = []
    for index in chosen:
        batch = vectors.batches[index]
        outputs = evaluate(graph, batch)
        values.append({**batch, **{name: outputs[name] for name in graph.outputs}})
    tolerances = tuple(_tolerance([v[name] for v in values]) for name in graph.outputs)
    title = "the ramp" if file is None else f"from {file.name}: {', '.join(map(str, chosen))}"
    return Samples(title, tuple(values), labels, tuple(names), tolerances)


def _different(vectors: Vectors, count: int) -> list[int]:
    """The first sample of each class, then others in order."""
    order = list(range(len(vectors.batches)))
    if vectors.labels is not None:
        firsts = np.unique(vectors.labels, return_index=True)[1].tolist()
        order = sorted(firsts) + [i for i in order if i not in firsts]
    return sorted(order[:count])


def _names_in(file: Path) -> tuple[str, ...]:
    array = read_arrays(file).get(NAMES) if file.is_file() else None
    return () if array is None else tuple(str(name) for name in array.ravel())


def _check_names(graph: Graph, labels: Sequence[int], names: Sequence[str]) -> None:
    classes = graph.tensor(graph.outputs[0]).type.elements
    if names and len(names) != classes:
        raise InputError(
            Problem(f"{len(names)} names for {classes} classes", hint="one for each output value")
        )
    if any(not 0 <= label < classes for label in labels):
        raise InputError(Problem(f"labels must be between 0 and {classes - 1}"))


def _tolerance(outputs: Sequence[Array]) -> str:
    if DType(outputs[0].dtype.name) is not DType.FLOAT32:
        return ""
    return float_literal(max(allowed(output) for output in outputs) * (1 + 1e-6))


def _bytes(value: Array) -> str:
    return wrap_values(map(str, value.tobytes()), indent=8)

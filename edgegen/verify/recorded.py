"""What a file of inputs says about their outputs: recorded ones, and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgegen.errors import Problem, VerificationError
from edgegen.ir import Graph
from edgegen.ir.types import Array
from edgegen.verify.tolerance import differing
from edgegen.verify.vectors import Vectors


def require_recorded(
    graph: Graph, vectors: Vectors, runs: Sequence[Mapping[str, Array]]
) -> tuple[str, ...]:
    """Compares the reference's outputs with recorded ones.

    Returns:
        The names of the recorded arrays.

    Raises:
        VerificationError: naming the first difference.
    """
    problems = []
    for title, recorded in vectors.recorded.items():
        name = graph.outputs[0]
        got = np.stack([run[name].ravel() for run in runs])
        want = recorded.reshape(got.shape)
        wrong = np.argwhere(differing(want, got))
        if len(wrong):
            i, j = (int(v) for v in wrong[0])
            problems.append(
                Problem(
                    f"recorded {title!r} differs in {len(wrong)} of {want.size} bytes; the first: "
                    f"input {i}, element {j}: recorded {want[i, j]}, computed {got[i, j]}"
                )
            )
    if problems:
        raise VerificationError(problems)
    return tuple(vectors.recorded)


def accuracy(graph: Graph, vectors: Vectors, runs: Sequence[Mapping[str, Array]]) -> float | None:
    """Share of inferences whose largest output is the label's class."""
    if vectors.labels is None or len(graph.outputs) != 1:
        return None
    name = graph.outputs[0]
    hits = [int(np.argmax(r[name])) == int(k) for r, k in zip(runs, vectors.labels, strict=True)]
    return sum(hits) / len(hits)

"""Runs an int8 .tflite model with edgegen's numpy reference, which the generated C equals."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgegen.pipeline import load_model, read_graph
from edgegen.verify.reference import evaluate

Int8s = npt.NDArray[np.int8]


def load(path: Path) -> Callable[[Int8s], Int8s]:
    """A function from the input of one run to its output without the batch dimension."""
    graph = read_graph(load_model(path), path.stem)
    (source,), (target,) = graph.inputs, graph.outputs

    def run(values: Int8s) -> Int8s:
        return np.asarray(evaluate(graph, {source: values})[target][0])

    return run

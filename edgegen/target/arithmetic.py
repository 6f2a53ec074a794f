"""Whether a graph computes on integers or float32, and whether that is what the user wants."""

from __future__ import annotations

from edgegen.errors import Problem, UnsupportedError
from edgegen.ir import DType, Graph


def require_integers(graph: Graph) -> None:
    """Refuses a graph with float32 activations, in one error for the whole graph.

    Raises:
        UnsupportedError: naming the first operator that computes on float32.
    """
    for op in graph.ops:
        io = graph.io(op)
        if any(t.type.dtype is DType.FLOAT32 for t in io.outputs):
            raise UnsupportedError(
                Problem(
                    "the model computes on float32",
                    graph.where(op),
                    why="without being asked to, edgegen generates integer code only",
                    hint="quantise it (edgegen quantize MODEL --calibration INPUTS.npz -o "
                    "MODEL_INT8.tflite), or build float code with --dtype float32",
                )
            )

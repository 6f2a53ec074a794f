"""Whether a graph computes on integers or float32, and whether that is what the user wants."""

from __future__ import annotations

from edgegen.errors import Problem, UnsupportedError
from edgegen.ir import DType, Graph
from edgegen.ops.dequantize import Dequantize
from edgegen.ops.quantize import Quantize

_HINT = (
    "quantise it (edgegen quantize MODEL --calibration INPUTS.npz -o MODEL_INT8.tflite), or build "
    "float code with --dtype float32"
)
_BORDER_HINT = (
    "convert it with int8 input and output (converter.inference_input_type = tf.int8, and the same "
    "for the output), or allow float code with --dtype float32"
)


def require_integers(graph: Graph) -> None:
    """Refuses a graph that computes on float32, in one error for the whole graph.

    Raises:
        UnsupportedError: naming the first operator that computes on float32.
    """
    for op in graph.ops:
        io = graph.io(op)
        tensors = [t for t in (*io.inputs, *io.outputs) if t is not None]
        if any(t.type.dtype is DType.FLOAT32 for t in tensors):
            raise UnsupportedError(
                Problem(
                    "the model computes on float32",
                    graph.where(op),
                    why="without being asked to, edgegen generates integer code only",
                    hint=_BORDER_HINT if isinstance(op, (Quantize, Dequantize)) else _HINT,
                )
            )

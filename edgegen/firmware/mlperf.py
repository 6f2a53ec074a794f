"""MLPerf Tiny's benchmarks: how their files hold an input, and what they want as a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edgegen.ir import DType, Graph


@dataclass(frozen=True)
class Benchmark:
    """A benchmark of MLPerf Tiny.

    Attributes:
        name: what the runner knows the model by.
        elements: of the input and of the output.
        encoding: how a file holds an int8 input, see `edgegen.firmware.app.InputView`.
        score: `outputs`: the output's values; `error`: the mean squared difference of output and
            input.
    """

    name: str
    elements: tuple[int, int]
    encoding: str
    score: str = "outputs"


# Formats of the files: eembc/energyrunner, datasets/README.md.
BENCHMARKS: Final = (
    Benchmark("kws01", (49 * 10, 12), "raw"),
    Benchmark("ic01", (32 * 32 * 3, 10), "offset"),
    Benchmark("vww01", (96 * 96 * 3, 2), "offset"),
    Benchmark("ad01", (640, 640), "float32", "error"),
)


def find_benchmark(graph: Graph) -> Benchmark | None:
    """The benchmark that an int8 network's input and output have the size of."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        return None
    kinds = [graph.tensor(n).type for n in (graph.inputs[0], graph.outputs[0])]
    if any(kind.dtype is not DType.INT8 for kind in kinds):
        return None
    sizes = tuple(kind.elements for kind in kinds)
    return next((b for b in BENCHMARKS if b.elements == sizes), None)

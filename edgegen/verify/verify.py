"""`edgegen verify`: numpy reference against compiled C, all values of all layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgegen.errors import VerificationError
from edgegen.ir.types import Array
from edgegen.pipeline import Compilation
from edgegen.verify.compare import require_equal
from edgegen.verify.host import host_program
from edgegen.verify.recorded import accuracy, require_recorded
from edgegen.verify.reference import evaluate
from edgegen.verify.tolerance import differing
from edgegen.verify.vectors import Vectors


@dataclass(frozen=True)
class Verdict:
    """What was compared, all of it equal.

    Attributes:
        inferences: number of inputs.
        layers: layers compared in each.
        bytes: bytes compared in all.
        recorded: names of recorded outputs that agree too.
        accuracy: share of labels that the outputs' maxima hit, or None without labels.
        exact: whether every byte was to be equal; float32 need only be close.
    """

    inferences: int
    layers: int
    bytes: int
    recorded: tuple[str, ...]
    accuracy: float | None
    exact: bool = True


def reference_runs(compilation: Compilation, vectors: Vectors) -> list[dict[str, Array]]:
    """Evaluates the rewritten graph, and confirms that rewriting kept the model's outputs.

    Raises:
        VerificationError: a pass changed an output.
    """
    runs = []
    for i, batch in enumerate(vectors.batches):
        values = evaluate(compilation.graph, batch)
        original = evaluate(compilation.source, batch)
        for name in compilation.graph.outputs:
            if differing(original[name], values[name]).any():
                raise VerificationError(f"passes changed output {name!r} of input {i}")
        runs.append(values)
    return runs


def verify_host(
    compilation: Compilation,
    vectors: Vectors,
    *,
    compiler: str | None = None,
    flags: Sequence[str] = ("-O2",),
) -> Verdict:
    """Compares reference, host C and any recorded outputs.

    Raises:
        VerificationError: naming the first wrong layer, tensor, index and values.
        ToolError: the generated C cannot be compiled here.
    """
    expected = reference_runs(compilation, vectors)
    with host_program(compilation.package, compiler=compiler, flags=flags) as program:
        actual = program.run(vectors.batches)
    count = require_equal(compilation.program, expected, actual)
    return Verdict(
        len(vectors.batches),
        len(compilation.program.calls),
        count,
        require_recorded(compilation.graph, vectors, expected),
        accuracy(compilation.graph, vectors, expected),
        not compilation.graph.computes_float,
    )

"""Which layers hurt: each alone on int8 in a network that is float otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgegen.ir import DType, Graph, Op
from edgegen.ir.types import Array
from edgegen.quantise.layers import dequantised, uses
from edgegen.quantise.measure import Error, deciding, integer_inputs
from edgegen.quantise.observe import Sample
from edgegen.quantise.progress import Track, silent
from edgegen.quantise.quantise import Quantised
from edgegen.quantise.run import outputs
from edgegen.verify.reference import evaluate

SAMPLES = 16
"""At most so many samples are used."""


@dataclass(frozen=True)
class Sensitivity:
    """What one operator costs.

    Attributes:
        output: the tensor that it computes.
        sqnr: SQNR in dB of the network's deciding tensors if this operator alone is on int8.
    """

    output: str
    sqnr: float


def sensitivities(
    made: Quantised, samples: Sequence[Sample], track: Track = silent
) -> list[Sensitivity]:
    """The sensitivity of every operator that computes on int8, the most harmful first.

    An operator's cost includes that of rounding its inputs to int8. Those that only move bytes
    are left out.
    """
    source, graph = made.prepared, made.graph
    twins = {op.outputs[0]: op for op in graph.ops}
    candidates = [
        (index, twins[op.outputs[0]])
        for index, op in enumerate(source.ops)
        if op.outputs[0] in twins and _computes(source, op)
    ]
    names = deciding(source)
    errors = {op.outputs[0]: Error() for _, op in candidates}
    for sample in track(samples[:SAMPLES], "measuring sensitivity"):
        real = evaluate(source, sample)
        for index, op in candidates:
            changed = _replayed(source, index, real, _on_int8(graph, op, real))
            for name in names:
                errors[op.outputs[0]].add(real[name], changed.get(name, real[name]), None)
    # Operators behind the deciding tensors cannot hurt them.
    found = [Sensitivity(name, error.sqnr) for name, error in errors.items() if error.noise]
    return sorted(found, key=lambda s: s.sqnr)


def _computes(graph: Graph, op: Op) -> bool:
    """Whether an operator gives float values that it does not merely move."""
    io = graph.io(op)
    return io.output.type.dtype is DType.FLOAT32 and op.alias_of(io) is None


def _on_int8(graph: Graph, op: Op, real: dict[str, Array]) -> dict[str, Array]:
    """The outputs of one operator of the int8 graph on float inputs, as real values."""
    io = graph.io(op)
    # A converted input stands for the tensor that it was made from.
    origin = {o.outputs[0]: o.inputs[0] for o in graph.ops if o.stem in ("quantize", "dequantize")}
    sample: dict[str, Array] = {}
    for tensor in io.inputs:
        if tensor is not None and tensor.data is None:
            name = tensor.name
            while name not in real:
                before = origin[name]
                assert before is not None
                name = before
            sample[tensor.name] = real[name]
    values = integer_inputs(graph, sample)
    result = {}
    for tensor, array in zip(io.outputs, outputs(graph, op, values), strict=True):
        quant = tensor.type.quant
        result[tensor.name] = array if quant is None else dequantised(array, quant)
    return result


def _replayed(
    graph: Graph, index: int, real: dict[str, Array], changed: dict[str, Array]
) -> dict[str, Array]:
    """The values that differ once those of operator `index` are replaced."""
    readers = uses(graph).readers
    waiting = {i for name in changed for i in readers.get(name, ())}
    values = dict(changed)
    for i in range(index + 1, len(graph.ops)):
        if i not in waiting:
            continue
        op = graph.ops[i]
        merged = {n: values.get(n, real.get(n)) for n in op.inputs if n is not None}
        known = {n: v for n, v in merged.items() if v is not None}
        values.update(zip(op.outputs, outputs(graph, op, known), strict=True))
        waiting |= {r for name in op.outputs for r in readers.get(name, ())}
    return values

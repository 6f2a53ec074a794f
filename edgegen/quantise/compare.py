"""Where an int8 model parts from the float model that it was made from, whoever made it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from edgegen.errors import InputError, Problem
from edgegen.ir import Graph, Op
from edgegen.passes.base import run_passes
from edgegen.quantise.measure import Error, Measurement, float_activations, measure
from edgegen.quantise.progress import Track, silent
from edgegen.quantise.quantise import PASSES
from edgegen.quantise.samples import Samples

RESCALED = 6.0
"""Channels were rescaled on purpose where allowing for it improves the SQNR by so many dB."""


@dataclass(frozen=True)
class Part:
    """One tensor of both models.

    Attributes:
        tensor: the float model's tensor.
        other: the int8 model's tensor.
        op: the float model's operator that computes it, or `input`.
        error: the comparison.
    """

    tensor: str
    other: str
    op: str
    error: Error

    @property
    def rescaled(self) -> bool:
        """Whether the int8 model has this tensor's channels scaled otherwise."""
        return self.error.fitted_sqnr > self.error.sqnr + RESCALED

    @property
    def sqnr(self) -> float:
        """SQNR in dB, with a gain for each channel where those are rescaled."""
        return self.error.fitted_sqnr if self.rescaled else self.error.sqnr


@dataclass(frozen=True)
class Comparison:
    """The comparison of two models.

    Attributes:
        parts: all tensors that both have, in the float model's order.
        unmatched: names of the float model's activations without a counterpart.
        measurement: agreement and accuracy.
    """

    parts: tuple[Part, ...]
    unmatched: tuple[str, ...]
    measurement: Measurement


def compare(source: Graph, graph: Graph, samples: Samples, track: Track = silent) -> Comparison:
    """Runs both models on float samples.

    Raises:
        InputError: the models' inputs or outputs differ in number or shape.
    """
    # Layouts are solved in both, so that an ONNX model compares with what became of it.
    source, graph = run_passes(source, PASSES), run_passes(graph, PASSES)
    names = matching(source, graph)
    found = measure(source, graph, samples.inputs, samples.labels, names, track)
    writers = {name: op for op in source.ops for name in op.outputs}
    parts = tuple(
        Part(
            name,
            names[name],
            str(writers[name].origin) if name in writers else "input",
            error,
        )
        for name, error in found.errors.items()
    )
    unmatched = tuple(n for n in float_activations(source) if n not in names)
    return Comparison(parts, unmatched, found)


def matching(source: Graph, graph: Graph) -> dict[str, str]:
    """The int8 model's tensor for each activation of the float model that has one.

    Inputs and outputs match by position, other tensors by name and shape; operators between, whose
    names a converter changed, by kind and shape in order.

    Raises:
        InputError: the models' inputs or outputs differ in number or shape.
    """
    names = _ports(source, graph)
    for op in source.ops:
        for name in op.outputs:
            other = graph.tensors.get(name)
            if other is not None and other.type.shape == source.tensor(name).type.shape:
                names.setdefault(name, name)
    taken = set(names.values())
    left = [op for op in source.ops if op.outputs[0] not in names]
    right = [op for op in graph.ops if op.outputs[0] not in taken]
    blocks = difflib.SequenceMatcher(
        None, [_kind(op, source) for op in left], [_kind(op, graph) for op in right], autojunk=False
    )
    for a, b, size in blocks.get_matching_blocks():
        for i in range(size):
            names[left[a + i].outputs[0]] = right[b + i].outputs[0]
    return {n: names[n] for n in float_activations(source) if n in names}


def _kind(op: Op, graph: Graph) -> tuple[str, tuple[int, ...]]:
    return op.stem, graph.io(op).output.type.shape


def _ports(source: Graph, graph: Graph) -> dict[str, str]:
    problems = []
    for what, left, right in (
        ("inputs", source.inputs, graph.inputs),
        ("outputs", source.outputs, graph.outputs),
    ):
        shapes = [
            [list(g.tensor(n).type.shape) for n in p] for g, p in ((source, left), (graph, right))
        ]
        if shapes[0] != shapes[1]:
            problems.append(
                Problem(
                    f"the models' {what} differ: {shapes[0]} and {shapes[1]}",
                    hint="give a float model and the int8 model made from it",
                )
            )
    if problems:
        raise InputError(problems)
    pairs = [*zip(source.inputs, graph.inputs, strict=True)]
    return dict([*pairs, *zip(source.outputs, graph.outputs, strict=True)])

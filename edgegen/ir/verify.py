"""What a legal graph is; run after reading and after every pass."""

from __future__ import annotations

from dataclasses import replace

from edgegen.errors import ModelError, Problem
from edgegen.ir.graph import Graph, Op
from edgegen.ir.types import TensorKind


def verify(graph: Graph) -> None:
    """Checks definition before use, single assignment, constant data and every operator's rule.

    Raises:
        ModelError: listing everything that is wrong.
    """
    problems = _structure(graph)
    if not problems:
        for op in graph.ops:
            problems += [
                replace(p, where=p.where or graph.where(op)) for p in op.check(graph.io(op))
            ]
    if problems:
        raise ModelError(problems)


def _structure(graph: Graph) -> list[Problem]:
    problems: list[Problem] = []
    defined = {n for n, t in graph.tensors.items() if t.kind is TensorKind.CONSTANT}
    for name in graph.inputs:
        if name not in graph.tensors:
            problems.append(Problem(f"graph input {name!r} is no tensor"))
        elif graph.tensors[name].kind is not TensorKind.INPUT:
            problems.append(Problem(f"graph input {name!r} is a constant"))
        defined.add(name)
    for tensor in graph.tensors.values():
        problems += _constant(tensor.name, graph)
    for op in graph.ops:
        problems += _uses(op, graph, defined)
    problems += [
        Problem(f"graph output {name!r} is never computed")
        for name in graph.outputs
        if name not in defined
    ]
    if not graph.outputs:
        problems.append(Problem("the graph has no output"))
    return problems


def _constant(name: str, graph: Graph) -> list[Problem]:
    tensor = graph.tensors[name]
    if (tensor.data is not None) != (tensor.kind is TensorKind.CONSTANT):
        return [Problem(f"tensor {name!r}: data and kind {tensor.kind.value} disagree")]
    if tensor.data is not None and (
        tensor.data.shape != tensor.type.shape or tensor.data.dtype != tensor.type.dtype.numpy
    ):
        return [
            Problem(
                f"tensor {name!r}: data {tensor.data.dtype}{list(tensor.data.shape)} "
                f"is not {tensor.type}"
            )
        ]
    return []


def _uses(op: Op, graph: Graph, defined: set[str]) -> list[Problem]:
    """Checks one operator's names against what is `defined`, and adds what it defines."""
    problems: list[Problem] = []
    for name in op.inputs:
        if name is not None and name not in graph.tensors:
            problems.append(Problem(f"input {name!r} is no tensor", str(op.origin)))
        elif name is not None and name not in defined:
            problems.append(
                Problem(f"input {name!r} is read before it is computed", str(op.origin))
            )
    for name in op.outputs:
        if name not in graph.tensors:
            problems.append(Problem(f"output {name!r} is no tensor", str(op.origin)))
        elif name in defined:
            problems.append(Problem(f"output {name!r} is assigned twice", str(op.origin)))
        defined.add(name)
    return problems

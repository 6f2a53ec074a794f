"""Which operators are to be on int16: as the user names them, and those that follow."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from edgegen.errors import InputError, Problem
from edgegen.ir import DType, Graph, Op
from edgegen.ir.names import short_name

ALL = "all"
NAMED = 8
"""How many operators an error names."""


def wide_forms(graph: Graph) -> tuple[str, ...]:
    """Outputs of the operators of a float graph that have a form on int16, in order."""
    return tuple(op.outputs[0] for op in graph.ops if _is_float(op, graph) and _form(op, graph))


def named_layers(graph: Graph, patterns: Sequence[str]) -> frozenset[str]:
    """Outputs of the operators that the user means.

    Args:
        graph: the float graph that will be converted.
        patterns: `all`, positions in the model, or patterns of output names or operator names.

    Raises:
        InputError: a pattern means no operator, or one that has no form on int16.
    """
    able = frozenset(wide_forms(graph))
    found: set[str] = set()
    problems = []
    for pattern in patterns:
        if pattern == ALL:
            found |= able
            continue
        meant = [op for op in graph.ops if _is_float(op, graph) and _matches(op, pattern)]
        narrow = [op for op in meant if op.outputs[0] not in able]
        if not meant:
            problems.append(_unknown(graph, pattern))
        elif len(narrow) == len(meant):
            problems.append(
                Problem(
                    f"{pattern!r} means {', '.join(str(op.origin) for op in narrow[:NAMED])}",
                    why="TFLite 2.14 has no such kernel on int16",
                )
            )
        found |= {op.outputs[0] for op in meant} & able
    if problems:
        raise InputError(problems)
    return frozenset(found)


def with_followers(graph: Graph, wide: frozenset[str]) -> frozenset[str]:
    """The operators on int16 together with those that only move the values of such operators.

    A pool or a reshape behind a layer on int16 would else round its values at once.
    """
    found = set(wide)
    writers = {name: op.outputs[0] for op in graph.ops for name in op.outputs}
    for op in graph.ops:
        form = op.int16_form(graph.io(op))
        if form is None or not form.shared:
            continue
        sources = [op.inputs[i] for i in form.shared if i < len(op.inputs)]
        computed = [n for n in sources if n is not None and graph.tensor(n).data is None]
        if computed and all(writers.get(n) in found for n in computed):
            found.add(op.outputs[0])
    return frozenset(found)


def _form(op: Op, graph: Graph) -> bool:
    return op.int16_form(graph.io(op)) is not None


def _is_float(op: Op, graph: Graph) -> bool:
    return graph.io(op).output.type.dtype is DType.FLOAT32


def _matches(op: Op, pattern: str) -> bool:
    if pattern.isdigit():
        return op.origin.index == int(pattern)
    names = (*op.outputs, *map(short_name, op.outputs), op.origin.type, op.stem)
    return any(fnmatchcase(name, pattern) for name in names)


def _unknown(graph: Graph, pattern: str) -> Problem:
    some = ", ".join(f"{op.origin.index} {short_name(op.outputs[0])}" for op in graph.ops[:NAMED])
    return Problem(
        f"no operator is called {pattern!r}",
        hint=f"give positions, names of outputs, or operator names, with * and ?: {some}, ...",
    )

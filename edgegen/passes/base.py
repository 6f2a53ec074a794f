"""The contract of a pass: a pure function Graph -> Graph, verified after every run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgegen.errors import EdgegenError, InternalError, Problem
from edgegen.ir import Graph
from edgegen.ir.verify import verify


@dataclass(frozen=True)
class Pass:
    """A named rewrite.

    Attributes:
        name: what reports and dumps call it.
        run: the rewrite; it returns its argument when there is nothing to do.
    """

    name: str
    run: Callable[[Graph], Graph]


def run_passes(
    graph: Graph, passes: Sequence[Pass], seen: Callable[[str, Graph], None] | None = None
) -> Graph:
    """Runs `passes` in order and verifies the graph after each.

    Args:
        graph: a verified graph.
        passes: what to run.
        seen: called with the pass's name and its result.

    Raises:
        InternalError: a pass broke the graph; the passes run so far are named.
    """
    history: list[str] = []
    for item in passes:
        history.append(item.name)
        graph = item.run(graph)
        try:
            verify(graph)
        except EdgegenError as error:
            raise InternalError(
                [Problem(p.what, p.where, f"after passes {history}") for p in error.problems]
            ) from error
        if seen is not None:
            seen(item.name, graph)
    return graph

"""The plans that a model has on a core: RAM against cycles against flash.

Selection is run at falling limits of RAM, at several prices of flash; what no other plan beats in
all three figures is the Pareto front.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from edgegen.ir import Graph
from edgegen.kernels.program import Program
from edgegen.plan.plan import Plan, plan
from edgegen.target.budget import cycles, flash_bytes
from edgegen.target.cores import Core
from edgegen.target.select import OBJECTIVES, Selection

PRICES = (("speed", 0.0), ("balanced", 0.0), ("balanced", 4.0), ("balanced", 32.0))
"""Preferences to try: the level whose kernels may be taken, and the price of a byte in cycles."""
SHRINK = 0.93
"""From one limit of RAM to the next at most."""


@dataclass(frozen=True)
class Point:
    """A plan and what it takes.

    Attributes:
        plan: the planned program.
        level: the `--optimize` level whose kernels it takes.
        ram: bytes of arena.
        cycles: predicted for an inference.
        flash: bytes of constants and estimated code.
    """

    plan: Plan
    level: str
    ram: int
    cycles: int
    flash: int

    @property
    def streamed(self) -> int:
        """Layers that run row by row."""
        return sum(s.count for s in self.plan.program.streams)

    def beats(self, other: Point) -> bool:
        """Whether it is no worse in any figure and better in one."""
        mine, its = (self.ram, self.cycles, self.flash), (other.ram, other.cycles, other.flash)
        return mine != its and all(a <= b for a, b in zip(mine, its, strict=True))


def explore(
    graph: Graph,
    core: Core,
    *,
    streaming: bool = True,
    progress: Callable[[Point], None] = lambda _: None,
) -> tuple[Point, ...]:
    """The plans of a graph that no other plan found beats, by falling RAM.

    Args:
        graph: after all passes.
        core: what the code will run on.
        streaming: whether layers may run row by row.
        progress: called with every plan found.
    """
    found: list[Point] = []
    for level, price in PRICES:
        for point in _falling(graph, core, level, price, streaming=streaming):
            found.append(point)
            progress(point)
    return front(found)


def front(points: list[Point]) -> tuple[Point, ...]:
    """Those of some plans that no other beats, each once, by falling RAM."""
    kept: dict[tuple[int, int, int], Point] = {}
    for point in points:
        if not any(other.beats(point) for other in points):
            kept.setdefault((point.ram, point.cycles, point.flash), point)
    return tuple(sorted(kept.values(), key=lambda p: (-p.ram, p.cycles, p.flash)))


def _falling(
    graph: Graph, core: Core, level: str, price: float, *, streaming: bool
) -> Iterator[Point]:
    """The plans at falling limits of RAM, until there is none in less."""
    base = OBJECTIVES[level]
    # Code is priced like other flash: sharing it out exactly takes many times longer.
    objective = replace(base, byte=base.byte + price, code=0.0)
    selection = Selection(graph, core, objective, None, None, streaming=streaming)
    point = _point(selection.program(level), level)
    yield point
    limit = int(point.ram * SHRINK)
    while True:
        limited = selection.vary(objective, None, limit)
        least = limited.least_ram()
        other = _point(limited.program(level), level)
        yield other
        if limit <= least:
            return
        selection.floor = least
        limit = int(min(limit, other.ram) * SHRINK)


def _point(program: Program, level: str) -> Point:
    planned = plan(program)
    return Point(planned, level, planned.arena.size, cycles(program), flash_bytes(program))

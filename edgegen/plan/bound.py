"""What no plan can go below: the worst single step.

Blocks alive in one step all need a place at once, so the smallest arena that holds them alone is
a lower bound for the whole. Without relations that is the sum of their aligned sizes. With
relations, blocks that share bytes count less; few of them are solved exactly, many are bounded
from below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgegen.plan.exact import Budget, close_gap
from edgegen.plan.hub_bound import hub_cover
from edgegen.plan.instance import Gaps, Instance, connected
from edgegen.plan.search import greedy

EXACT_BLOCKS = 6
"""Related blocks in one step up to which its span is found exactly; real graphs have fewer."""

STEP_NODES = 500
"""Nodes of branch and bound for one such step: far more than so few blocks need."""

SUBSET_BLOCKS = 12
"""Related blocks in one group up to which all of their subsets are tried."""


@dataclass(frozen=True)
class Bound:
    """A lower bound and where it comes from.

    Attributes:
        units: units that no placement can go below.
        step: the step that needs them, the earliest if several do; 0 if there are no blocks.
        live: the blocks alive in that step.
    """

    units: int
    step: int
    live: tuple[int, ...]


def lower_bound(instance: Instance) -> Bound:
    """Return the bound of the step that needs the most.

    Args:
        instance: the blocks.

    Returns:
        The bound; true for every placement, and exact for each step with at most `EXACT_BLOCKS`.
    """
    steps = [(occupied(instance, live), step, live) for step, live in instance.live_sets]
    if not steps:
        return Bound(0, 0, ())
    best = max(units for units, _, _ in steps)
    refined = []
    for units, step, live in steps:
        exact = _refine(instance, live, units, best)
        refined.append((exact, step, live))
        best = max(best, exact)
    return next(Bound(*entry) for entry in refined if entry[0] == best)


def _refine(instance: Instance, live: Sequence[int], units: int, best: int) -> int:
    """Raise the bound of one step to its exact span, if that can matter and is affordable."""
    pairs = [pair for pair in instance.related if pair[0] in live and pair[1] in live]
    if not pairs or len(live) > EXACT_BLOCKS:
        return units
    alone = instance.restrict(live)
    start = greedy(alone, units)[0]
    if start.span <= max(units, best):
        # Whatever the exact span is, it is not above the best bound so far.
        return units
    return close_gap(alone, start.offsets, units, Budget(nodes=STEP_NODES)).lower


def occupied(instance: Instance, live: Sequence[int]) -> int:
    """Bound from below the units that blocks alive together cover.

    Blocks without a relation share nothing, so groups joined by relations can be added up.

    Args:
        instance: the blocks.
        live: those alive in one step.

    Returns:
        Units; exact for groups of one or two.
    """
    edges: list[list[int]] = [[] for _ in instance.sizes]
    members = set(live)
    for i, j in sorted(instance.related):
        if i in members and j in members:
            edges[i].append(j)
            edges[j].append(i)
    return sum(_group_cover(instance, group, edges) for group in connected(live, edges))


def _group_cover(instance: Instance, group: Sequence[int], edges: Sequence[Sequence[int]]) -> int:
    if len(group) == 1:
        return instance.sizes[group[0]]
    pairs = ((i, j) for i in group for j in edges[i] if i < j)
    covers = [
        pair_cover(instance.sizes[i], instance.sizes[j], instance.gaps.get((i, j), ()))
        for i, j in pairs
    ]
    return max(*covers, _heaviest_apart(instance, group, edges), _hub(instance, group, edges))


def _hub(instance: Instance, group: Sequence[int], edges: Sequence[Sequence[int]]) -> int:
    """The bound of the block with the most relations, and of others that are only related to it."""
    members = set(group)
    hub = max(group, key=lambda i: (len(edges[i]), instance.sizes[i]))
    leaves: list[int] = []
    for i in sorted(members - {hub}, key=lambda i: (-instance.sizes[i], i)):
        if all(j not in leaves for j in edges[i]):
            leaves.append(i)
    near = [i for i in leaves if hub in edges[i]]
    rest = sum(instance.sizes[i] for i in leaves if hub not in edges[i])
    return rest + hub_cover(instance, hub, near)


def pair_cover(size_a: int, size_b: int, gaps: Gaps) -> int:
    """Return the fewest units that two blocks cover together.

    Args:
        size_a: units of block a.
        size_b: units of block b.
        gaps: sorted open intervals that `offset(b) - offset(a)` must not be in.

    Returns:
        The size of their union at the best allowed distance.
    """
    # The union grows on both sides of the distances at which one block is inside the other, so
    # it is smallest there or at the nearest ends of gaps.
    candidates = {0, size_a - size_b, *(end for gap in gaps for end in gap)}
    allowed = (d for d in candidates if not any(low < d < high for low, high in gaps))
    return min(_union(size_a, size_b, d) for d in allowed)


def _union(size_a: int, size_b: int, distance: int) -> int:
    if distance >= size_a or -distance >= size_b:
        return size_a + size_b
    return max(size_a, distance + size_b) - min(0, distance)


def _heaviest_apart(
    instance: Instance, group: Sequence[int], edges: Sequence[Sequence[int]]
) -> int:
    """The heaviest set of blocks of a group of which no two are related, or a good one."""
    if len(group) <= SUBSET_BLOCKS:
        return _heaviest_exact(instance, tuple(group), edges)
    total = 0
    blocked: set[int] = set()
    for i in sorted(group, key=lambda i: (-instance.sizes[i], i)):
        if i not in blocked:
            total += instance.sizes[i]
            blocked.update(edges[i])
    return total


def _heaviest_exact(
    instance: Instance, group: tuple[int, ...], edges: Sequence[Sequence[int]]
) -> int:
    if not group:
        return 0
    first, rest = group[0], group[1:]
    without = _heaviest_exact(instance, rest, edges)
    apart = tuple(i for i in rest if i not in edges[first])
    return max(without, instance.sizes[first] + _heaviest_exact(instance, apart, edges))

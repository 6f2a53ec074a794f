"""A bound for one block that many others may overlap a little, while they share nothing.

That is the image that a run of layers consumes row by row: every ring of rows may reach into the
part of it that is consumed already, from below, or from above for a run that goes backward. The
more of them reach into it, the less is left for the next one.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgegen.plan.instance import Instance

NODES = 5000
"""Ways to fill the hub that are tried exactly; beyond, what may be left is taken for filled."""

Job = tuple[int, int]
"""A block that may reach into the hub: where it ends at the latest, and its size."""


def hub_cover(instance: Instance, hub: int, others: Sequence[int]) -> int:
    """Bound from below the units that a block covers together with others.

    Args:
        instance: the blocks.
        hub: a block that is related to the others.
        others: blocks of which no two may share anything.

    Returns:
        Units.
    """
    size = instance.sizes[hub]
    below = [_reach(instance, hub, i) for i in others]
    turned = instance.mirrored
    above = [_reach(turned, hub, i) for i in others]
    # A block counts on both sides: that may be too much, so that the bound stays a bound.
    shared = min(size, _most_covered(size, below) + _most_covered(size, above))
    return size + sum(instance.sizes[i] for i in others) - shared


def _reach(instance: Instance, hub: int, other: int) -> Job:
    """How far from its lower end a block may cover the hub at most, and its size."""
    size = instance.sizes[other]
    pair = (min(hub, other), max(hub, other))
    gaps = instance.gaps.get(pair, ())
    if not gaps:
        return instance.sizes[hub] + size, size
    # Starts of `other` from the start of the hub: the highest one that the last gap leaves.
    start = gaps[-1][0] if hub < other else -gaps[0][1]
    return start + size, size


def _most_covered(length: int, jobs: Sequence[Job]) -> int:
    """The most units of 0 .. length that disjoint blocks cover, each ending by its limit.

    Blocks are laid from the top down: the next one ends where the last began, or at its limit.
    """
    budget = NODES
    useful = sorted((job for job in jobs if job[0] > 0), reverse=True)

    def cover(top: int, left: Sequence[Job]) -> int:
        nonlocal budget
        ends = [min(top, limit) for limit, _ in left]
        if top <= 0 or not left:
            return 0
        budget -= 1
        if budget < 0:
            return max(ends)
        best = 0
        for k, (end, (_, size)) in enumerate(zip(ends, left, strict=True)):
            if end <= best:
                # Whatever is laid below it, no more than this is covered.
                continue
            start = end - size
            if start <= 0:
                best = max(best, end)
                continue
            rest = cover(start, [*left[:k], *left[k + 1 :]])
            best = max(best, size + rest)
        return best

    return cover(length, useful)

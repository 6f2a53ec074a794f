"""First fit and hill climbing: quick placements without a proof.

A placement is made from an order: every block goes to the lowest offset that the blocks before it
allow. The orders are those of the usual greedy planners (TFLM: by size; TVM USMP: by conflicts);
one of several almost always meets the lower bound. Where none does, the best order is improved by
moving blocks that reach the top ahead of others, as in USMP's hill climb.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgegen.plan.instance import Instance

CLIMB_WORK = 2_000_000
"""Distances that the hill climbs of a problem may look at: about half a second. Counted, never
timed, so that the same problem gives the same plan on every machine."""


def lowest_offset(instance: Instance, block: int, offsets: Sequence[int]) -> int:
    """Return the lowest offset of a block that the placed blocks allow.

    Args:
        instance: the blocks.
        block: the one to place.
        offsets: units for each block, -1 for those not placed yet.

    Returns:
        An offset in units, 0 or more.
    """
    gaps = [
        (offsets[other] + low, offsets[other] + high)
        for other, low, high in instance.conflicts[block]
        if offsets[other] >= 0
    ]
    gaps.sort()
    offset = 0
    for low, high in gaps:
        if low >= offset:
            break
        if high > offset:
            offset = high
    return offset


def first_fit(instance: Instance, order: Sequence[int]) -> list[int]:
    """Place the blocks one after the other, each at the lowest allowed offset.

    Args:
        instance: the blocks.
        order: every block once.

    Returns:
        An offset in units for each block.
    """
    offsets = [-1] * len(instance.sizes)
    for block in order:
        offsets[block] = lowest_offset(instance, block, offsets)
    return offsets


def greedy_orders(instance: Instance) -> Iterator[tuple[str, list[int]]]:
    """Yield named orders worth trying, the most promising first."""
    sizes = instance.sizes
    count = range(len(sizes))
    life = [sum(last - first + 1 for first, last in lives) for lives in instance.lives]
    degree = [len(near) for near in instance.neighbours]
    around = [sizes[i] + sum(sizes[j] for j in instance.neighbours[i]) for i in count]
    _, alive = instance.alive
    load = np.array(sizes, np.int64) @ alive
    crowd = np.where(alive, load, 0).max(axis=1, initial=0).tolist()
    below = [0] * len(sizes)
    for i, j in sorted(instance.related):
        for low, high in instance.gaps.get((i, j), ()):
            # j may lie below i, nearer than its own size: first fit must place it first.
            tilt = (-low < sizes[j]) - (high < sizes[i])
            below[j] += tilt
            below[i] -= tilt
    keys: dict[str, Callable[[int], tuple[int, int]]] = {
        "size": lambda i: (sizes[i], around[i]),
        "size and conflicts": lambda i: (around[i], sizes[i]),
        "size times conflicts": lambda i: (sizes[i] * degree[i], around[i]),
        "busiest step": lambda i: (crowd[i], sizes[i]),
        "lifetime": lambda i: (life[i], sizes[i]),
        "size times lifetime": lambda i: (sizes[i] * life[i], sizes[i]),
        "last born": lambda i: (instance.lives[i][0][0], sizes[i]),
        "overlaps from below": lambda i: (below[i], sizes[i]),
        "first dead": lambda i: (-instance.lives[i][-1][1], sizes[i]),
    }
    for name, key in keys.items():
        # Sorting is stable, so that ties keep the order of the problem.
        yield name, sorted(count, key=key, reverse=True)


@dataclass(frozen=True)
class Placement:
    """A first fit and where it comes from.

    Attributes:
        name: of the order.
        order: every block once.
        offsets: units for each block.
        span: units that the placement needs.
        top: whether it was made from the top of the arena downwards.
    """

    name: str
    order: list[int]
    offsets: list[int]
    span: int
    top: bool


def greedy(instance: Instance, bound: int) -> list[Placement]:
    """Place the blocks in all greedy orders, or until one order meets the bound.

    Relations let an output lie a little below its dying input more often than above it, so that it
    matters from which end the arena is filled: both are tried.

    Args:
        instance: the blocks.
        bound: units that no placement can go below.

    Returns:
        The placements, the best first; never empty.
    """
    found = []
    for name, order in greedy_orders(instance):
        for top in (False, True) if instance.related else (False,):
            offsets = first_fit(instance.mirrored if top else instance, order)
            offsets = instance.flip(offsets) if top else offsets
            kind = f"{name}, from the top" if top else name
            found.append(Placement(kind, order, offsets, instance.span(offsets), top))
            if found[-1].span <= bound:
                return found[::-1]
    return sorted(found, key=lambda placement: placement.span)


class _Dice:
    """A small linear congruential generator (Knuth's MMIX constants).

    The standard library's integer draws may change between Python versions; a plan may not.
    """

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, limit: int) -> int:
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self._state >> 33) % limit


def hill_climb(
    instance: Instance, starts: Sequence[Placement], bound: int, work: int = CLIMB_WORK
) -> list[int]:
    """Improve orders by small moves, keeping every change that is not worse.

    Args:
        instance: the blocks.
        starts: where to begin; each gets an equal share of the work.
        bound: units that no placement can go below: meeting it ends the climb.
        work: distances to look at before giving up.

    Returns:
        The best offsets found, in units; those of the first start if nothing better is found.
    """
    best = starts[0].offsets
    for start in starts:
        share = work // len(starts)
        if start.top:
            below = replace(start, offsets=instance.flip(start.offsets))
            offsets = instance.flip(_climb(instance.mirrored, below, bound, share))
        else:
            offsets = _climb(instance, start, bound, share)
        if instance.span(offsets) < instance.span(best):
            best = offsets
        if instance.span(best) <= bound:
            break
    return best


def _climb(instance: Instance, start: Placement, bound: int, work: int) -> list[int]:
    dice = _Dice(len(start.order))
    current, offsets = start.order, start.offsets
    cost = _cost(instance, offsets)
    while work > 0 and cost[0] > bound:
        source, target = _move(instance, current, offsets, dice)
        trial = list(current)
        trial.insert(target, trial.pop(source))
        placed, spent = _refit(instance, trial, offsets, min(source, target), cost[0])
        work -= spent + len(trial)
        if placed is not None and (new_cost := _cost(instance, placed)) <= cost:
            current, offsets, cost = trial, placed, new_cost
    return offsets


def _refit(
    instance: Instance, order: Sequence[int], offsets: Sequence[int], start: int, limit: int
) -> tuple[list[int] | None, int]:
    """Place the blocks from `order[start]` on again; those before keep their offsets.

    Returns:
        The offsets, None as soon as a block ends above the limit; and the distances looked at.
    """
    placed = list(offsets)
    for block in order[start:]:
        placed[block] = -1
    spent = 0
    for block in order[start:]:
        placed[block] = lowest_offset(instance, block, placed)
        spent += len(instance.conflicts[block]) + 4
        if placed[block] + instance.sizes[block] > limit:
            return None, spent
    return placed, spent


def _cost(instance: Instance, offsets: Sequence[int]) -> tuple[int, int]:
    """The span; among equal spans, the fewer units lie at the top the better."""
    span = instance.span(offsets)
    high = sum(s for o, s in zip(offsets, instance.sizes, strict=True) if o + s == span)
    return span, high


def _move(
    instance: Instance, order: Sequence[int], offsets: Sequence[int], dice: _Dice
) -> tuple[int, int]:
    """Choose a block to move in the order, most often one at the top or in its way, to the front.

    Returns:
        Where the block is and where it is to be.
    """
    if dice.below(4) == 0:
        return dice.below(len(order)), dice.below(len(order))
    span = instance.span(offsets)
    tops = [i for i, s in enumerate(instance.sizes) if offsets[i] + s == span]
    block = tops[dice.below(len(tops))]
    near = instance.neighbours[block]
    if near and dice.below(3) == 0:
        block = near[dice.below(len(near))]
    source = order.index(block)
    return source, dice.below(source + 1)

"""The arena problem as the planner works on it: small integers and adjacency lists.

Two things make it smaller than the problem it comes from. Offsets are counted in the greatest
common unit of all sizes and distances: every optimum is reached by a solution whose offsets are
sums of these, so nothing is lost. And blocks that always find a place below a known bound are set
aside until the others are placed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from edgegen.plan.blocks import ArenaProblem, Block, Interval

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Gaps = tuple[Interval, ...]
"""Sorted open intervals of forbidden distances; their ends are allowed."""


@dataclass(frozen=True)
class Instance:
    """Blocks as indices 0 to n-1, with sizes and offsets counted in units.

    Attributes:
        unit: bytes in a unit.
        sizes: units of each block.
        lives: first and last steps of each block's lives.
        gaps: for a pair (i, j), i < j, what `offset(j) - offset(i)` must not be; pairs in no
            one's way are left out.
        related: the pairs whose gaps are not those of two disjoint blocks by default.
    """

    unit: int
    sizes: tuple[int, ...]
    lives: tuple[tuple[tuple[int, int], ...], ...]
    gaps: dict[tuple[int, int], Gaps]
    related: frozenset[tuple[int, int]]

    @cached_property
    def conflicts(self) -> tuple[tuple[tuple[int, int, int], ...], ...]:
        """For each block i: `(j, low, high)`, where low < offset(i) - offset(j) < high is bad."""
        found: list[list[tuple[int, int, int]]] = [[] for _ in self.sizes]
        for (i, j), gaps in self.gaps.items():
            for low, high in gaps:
                found[j].append((i, low, high))
                found[i].append((j, -high, -low))
        return tuple(tuple(entries) for entries in found)

    @cached_property
    def neighbours(self) -> tuple[tuple[int, ...], ...]:
        """For each block, the blocks that restrict where it may lie, each once, sorted."""
        return tuple(tuple(sorted({j for j, _, _ in entries})) for entries in self.conflicts)

    @cached_property
    def live_sets(self) -> tuple[tuple[int, tuple[int, ...]], ...]:
        """The steps in which a block is born, with all blocks alive there.

        The blocks alive in any other step are a subset of those alive at the last birth before.
        """
        births, alive = self.alive
        steps, blocks = np.nonzero(alive.T)
        sets = (
            np.split(blocks, np.searchsorted(steps, np.arange(1, len(births))))
            if len(births)
            else []
        )
        return tuple(
            (int(step), tuple(live.tolist())) for step, live in zip(births, sets, strict=True)
        )

    @cached_property
    def alive(self) -> tuple[Ints, Bools]:
        """The steps in which a block is born, and which blocks are alive there: [block, step]."""
        return alive_at_births(self.lives)

    @cached_property
    def mirrored(self) -> Instance:
        """The same blocks in an arena turned upside down; see `flip`."""
        sizes = self.sizes
        gaps = {(i, j): mirror(found, sizes[i], sizes[j]) for (i, j), found in self.gaps.items()}
        return Instance(self.unit, sizes, self.lives, gaps, self.related)

    def flip(self, offsets: Sequence[int]) -> list[int]:
        """Return a placement of the mirrored blocks as one of these, or the other way round."""
        span = self.span(offsets)
        return [span - o - s for o, s in zip(offsets, self.sizes, strict=True)]

    def span(self, offsets: Sequence[int]) -> int:
        """Return the units that a placement needs."""
        return max((o + s for o, s in zip(offsets, self.sizes, strict=True)), default=0)

    def restrict(self, members: Sequence[int]) -> Instance:
        """Return the instance of some blocks, given sorted; block k of it is `members[k]`."""
        place = {block: k for k, block in enumerate(members)}
        return Instance(
            self.unit,
            tuple(self.sizes[i] for i in members),
            tuple(self.lives[i] for i in members),
            {
                (place[i], place[j]): gaps
                for (i, j), gaps in self.gaps.items()
                if i in place and j in place
            },
            frozenset((place[i], place[j]) for i, j in self.related if i in place and j in place),
        )

    def components(self, members: Iterable[int]) -> list[tuple[int, ...]]:
        """Split blocks into groups that do not restrict each other, each sorted."""
        return connected(members, self.neighbours)

    def peel(self, bound: int) -> tuple[list[int], list[int]]:
        """Set aside blocks that always find a place below a bound.

        A gap of width w keeps a block from w - 1 offsets. If all gaps together leave one of the
        offsets `0 .. bound - size`, first fit finds it wherever the neighbours are. Setting a
        block aside may free its neighbours in turn.

        Args:
            bound: units that the arena may have.

        Returns:
            The blocks that remain, sorted, and those set aside: placed by first fit in the
            reverse of this order, after the others, each ends at or below the bound.
        """
        blocked = [sum(high - low - 1 for _, low, high in entries) for entries in self.conflicts]
        remaining = set(range(len(self.sizes)))
        aside: list[int] = []
        queue = sorted(remaining, reverse=True)
        while queue:
            i = queue.pop()
            if i not in remaining or blocked[i] > bound - self.sizes[i]:
                continue
            remaining.remove(i)
            aside.append(i)
            for j, low, high in self.conflicts[i]:
                blocked[j] -= high - low - 1
            queue.extend(self.neighbours[i])
        return sorted(remaining), aside


def build_instance(problem: ArenaProblem) -> Instance:
    """Translate a problem into units.

    Args:
        problem: blocks and relations in bytes.

    Returns:
        The instance; block i of it is `problem.blocks[i]`.
    """
    index = {block.name: i for i, block in enumerate(problem.blocks)}
    align = problem.alignment
    sizes = [-(-block.size // align) for block in problem.blocks]
    _, alive = alive_at_births([block.lives for block in problem.blocks])
    # Two blocks are alive together exactly if one of them is alive when the other is born.
    held = alive.astype(np.float32) * (np.array(sizes, np.float32) > 0)[:, np.newaxis]
    gaps: dict[tuple[int, int], Gaps] = {}
    for j, i in np.argwhere(np.tril(held @ held.T, -1)).tolist():
        gaps[i, j] = ((-sizes[j], sizes[i]),)
    related: set[tuple[int, int]] = set()
    for relation in problem.relations:
        i, j = index[relation.a], index[relation.b]
        found = _normalise(relation.forbidden, align)
        if i > j:
            i, j, found = j, i, tuple((-high, -low) for low, high in reversed(found))
        if gaps.get((i, j), ()) == found:
            continue
        related.add((i, j))
        gaps[i, j] = found
        if not found:
            del gaps[i, j]
    return _scale(problem.blocks, align, sizes, gaps, frozenset(related))


def alive_at_births(lives: Sequence[Sequence[tuple[int, int]]]) -> tuple[Ints, Bools]:
    """The steps in which some block is born, and which blocks are alive there.

    Args:
        lives: first and last steps of each block's lives.

    Returns:
        Steps, and a matrix [block, step].
    """
    block = np.repeat(np.arange(len(lives)), [len(spans) for spans in lives])
    spans = np.array([span for found in lives for span in found], np.int64).reshape(-1, 2)
    births = np.unique(spans[:, 0])
    change = np.zeros((len(lives), len(births) + 1), np.int32)
    np.add.at(change, (block, np.searchsorted(births, spans[:, 0])), 1)
    np.add.at(change, (block, np.searchsorted(births, spans[:, 1], side="right")), -1)
    return births, change.cumsum(axis=1)[:, :-1] > 0


def mirror(gaps: Gaps, size_i: int, size_j: int) -> Gaps:
    """Return the gaps of a pair in an arena turned upside down."""
    shift = size_i - size_j
    return tuple((shift - high, shift - low) for low, high in reversed(gaps))


def connected(members: Iterable[int], edges: Sequence[Iterable[int]]) -> list[tuple[int, ...]]:
    """Split a graph into connected groups.

    Args:
        members: the vertices to look at, in the order in which groups are to be found.
        edges: the neighbours of every vertex; those that are not members are ignored.

    Returns:
        The groups, each sorted.
    """
    left = dict.fromkeys(members)
    groups = []
    while left:
        start = next(iter(left))
        del left[start]
        group = [start]
        for i in group:
            for j in edges[i]:
                if j in left:
                    del left[j]
                    group.append(j)
        groups.append(tuple(sorted(group)))
    return groups


def _normalise(forbidden: Iterable[Interval], align: int) -> Gaps:
    """Sort, merge and round intervals: bytes to alignments, so that their ends are allowed."""
    merged: list[Interval] = []
    for low, high in sorted((low // align, -(-high // align)) for low, high in forbidden):
        if high - low < 2:
            continue
        if merged and low < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)


def _scale(
    blocks: Sequence[Block],
    align: int,
    sizes: Sequence[int],
    gaps: dict[tuple[int, int], Gaps],
    related: frozenset[tuple[int, int]],
) -> Instance:
    ends = (end for pair in gaps.values() for interval in pair for end in interval)
    unit = math.gcd(*sizes, *ends) or 1
    return Instance(
        unit * align,
        tuple(size // unit for size in sizes),
        tuple(block.lives for block in blocks),
        {pair: kept for pair, found in gaps.items() if (kept := _shrink(found, unit))},
        related,
    )


def _shrink(gaps: Gaps, unit: int) -> Gaps:
    """Count gaps in units and drop those without a whole unit inside."""
    return tuple((low // unit, high // unit) for low, high in gaps if high - low > unit)

"""Branch and bound on offsets: finds the best placement and proves it, or stops at a limit.

To show that no arena of `target` units exists, the search keeps, for every two blocks, a lower
bound on the difference of their offsets (a difference-bound matrix, closed under addition). A
pair that may lie in several ways is an open choice; a choice that no longer fits is struck out,
and the last one left becomes a constraint. In each step, blocks that are known to lie below
another also push it up by the sum of their sizes, and those that start high must fit under the
target together (Carlier and Pinson's rules for job shops, with bytes for time). When nothing
follows any more, the tightest open pair is split.

Each placement found lowers the target. All limits count work and never time: the same problem
gives the same answer everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgegen.plan.instance import Instance, mirror

NODE_LIMIT = 4000
"""Nodes for a whole problem; the real models tried need fewer than 200."""

WORK_LIMIT = 700_000_000
"""Work for a whole problem, about a second; it stops large problems before the nodes run out. A
unit is one matrix entry written, a nanosecond or so; the counts below follow measurements."""

_FAR = 1 << 40
"""More units than any arena has, small enough to add up in 64 bits."""

_CALL = 4000
"""Work of the array calls of one elementary operation, whatever the sizes."""

_PRODUCT = 250_000
"""Multiplications in one matrix product. BLAS libraries use threads for larger ones, which costs
far more than it saves here, above all when the other cores are busy."""

_Matrix = npt.NDArray[np.int64]


@dataclass
class Budget:
    """What the search may still spend.

    Attributes:
        nodes: nodes of the search tree.
        work: matrix entries to write, and what costs the same.
    """

    nodes: int = NODE_LIMIT
    work: int = WORK_LIMIT

    @property
    def spent(self) -> bool:
        """Whether either limit is reached."""
        return self.nodes <= 0 or self.work <= 0

    def share(self, nodes: int, work: int) -> Budget:
        """Take a part of it, or what is left; `give_back` what was not needed."""
        part = Budget(max(min(self.nodes, nodes), 0), max(min(self.work, work), 0))
        self.nodes -= part.nodes
        self.work -= part.work
        return part

    def give_back(self, part: Budget) -> None:
        """Add what is left of a part."""
        self.nodes += max(part.nodes, 0)
        self.work += max(part.work, 0)


@dataclass(frozen=True)
class Outcome:
    """What a search knows at its end.

    Attributes:
        offsets: the best offsets, in units.
        lower: units that no placement can go below; equal to the span if that is proved best.
    """

    offsets: list[int]
    lower: int


def close_gap(instance: Instance, offsets: list[int], lower: int, budget: Budget) -> Outcome:
    """Improve a placement until it is proved best or the budget is spent.

    Args:
        instance: the blocks.
        offsets: a valid placement, in units.
        lower: units that no placement is known to go below.
        budget: reduced by what the search spends.

    Returns:
        The best placement and the best bound found.
    """
    if instance.span(offsets) > lower:
        model = _Model(instance)
        lower = _raise_bound(model, lower, instance.span(offsets), budget)
        while instance.span(offsets) > lower and not budget.spent:
            found = _search(model, instance.span(offsets) - 1, budget)
            if found is not None:
                offsets = found
            elif not budget.spent:
                lower = instance.span(offsets)
    return Outcome(offsets, lower)


def _raise_bound(model: _Model, lower: int, upper: int, budget: Budget) -> int:
    """Find by bisection how far propagation alone can refute targets."""
    low, high = lower, upper
    while low < high and not budget.spent:
        middle = (low + high) // 2
        state = model.root(middle)
        if state is None or not model.propagate(state, middle, budget):
            # An unfinished propagation never fails, so a failure is a proof.
            low = middle + 1
        else:
            high = middle
    return low


def _search(model: _Model, target: int, budget: Budget) -> list[int] | None:
    """Look for a placement of at most `target` units, depth first.

    Returns:
        The offsets, or None: then there is none, unless the budget is spent.
    """
    root = model.root(target)
    if root is None or not model.propagate(root, target, budget):
        return None
    stack: list[tuple[_Matrix, tuple[int, int, int] | None]] = [(root, None)]
    mirrored = model.symmetric
    while stack:
        if budget.spent:
            return None
        budget.nodes -= 1
        state, edge = stack.pop()
        if edge is not None:
            state = state.copy()
            if not model.add(state, *edge, budget):
                continue
            if not model.propagate(state, target, budget):
                continue
            if budget.work <= 0:
                # The propagation may be unfinished, so that the offsets need not be a placement.
                return None
        budget.work -= 60 * model.low.size + state.size + 5 * _CALL
        choice = model.choose(state)
        if choice is None:
            return [int(offset) for offset in state[-1, :-1]]
        likely, unlikely = choice
        if not mirrored:
            stack.append((state, unlikely))
        # Turning the arena upside down swaps the two sides of the first choice: one is enough.
        mirrored = False
        stack.append((state, likely))
    return None


class _Model:
    """The instance as arrays; a state is a matrix M with `offset(j) - offset(i) >= M[i, j]`.

    The last row and column stand for the start of the arena.
    """

    def __init__(self, instance: Instance) -> None:
        self.sizes: _Matrix = np.array(instance.sizes, dtype=np.int64)
        self.count = len(instance.sizes)
        pairs = sorted(instance.gaps)
        self.first = np.array([i for i, _ in pairs], dtype=np.intp)
        self.second = np.array([j for _, j in pairs], dtype=np.intp)
        widest = max((len(gaps) for gaps in instance.gaps.values()), default=0) + 1
        # Unused ways of a pair run from far to -far: they never fit.
        self.low: _Matrix = np.full((len(pairs), widest), _FAR, dtype=np.int64)
        self.high: _Matrix = np.full((len(pairs), widest), -_FAR, dtype=np.int64)
        for row, pair in enumerate(pairs):
            gaps = instance.gaps[pair]
            self.low[row, : len(gaps) + 1] = [-_FAR, *(high for _, high in gaps)]
            self.high[row, : len(gaps) + 1] = [*(low for low, _ in gaps), _FAR]
        self.member = np.array(_cliques(instance), dtype=bool).reshape(-1, self.count)
        # Floats, since matrix products of integers are slow; exact far beyond any arena.
        self.weight = self.member * self.sizes.astype(np.float64)
        self.symmetric = all(
            len(gaps) == 1 and mirror(gaps, instance.sizes[i], instance.sizes[j]) == gaps
            for (i, j), gaps in instance.gaps.items()
        )

    def root(self, target: int) -> _Matrix | None:
        """Return the state that only knows `0 <= offset <= target - size`, None if impossible."""
        if self.count and target < int(self.sizes.max()):
            return None
        room = np.append(self.sizes - target, 0)
        state: _Matrix = np.repeat(room[:, None], self.count + 1, axis=1)
        np.fill_diagonal(state, 0)
        return state

    def add(self, state: _Matrix, i: int, j: int, least: int, budget: Budget) -> bool:
        """Add `offset(j) - offset(i) >= least` with all that follows by addition.

        Returns:
            False if the constraint contradicts the state.
        """
        if least <= state[i, j]:
            return True
        if least > -state[j, i]:
            return False
        budget.work -= state.size + _CALL
        through = state[:, i, None] + (state[None, j, :] + least)
        np.maximum(state, through, out=state)
        return True

    def propagate(self, state: _Matrix, target: int, budget: Budget) -> bool:
        """Draw conclusions until there are none, or the work is spent.

        Returns:
            False if the state has no placement.
        """
        while budget.work > 0:
            budget.work -= 30 * self.low.size + 5 * _CALL
            edges = self._forced(state)
            if edges is None:
                return False
            if not edges:
                edges = self._pushed(state, target)
                budget.work -= self.member.size * (self.count // 2 + 12) + 10 * _CALL
                if edges is None:
                    return False
                if not edges:
                    return True
            for edge in edges:
                if not self.add(state, *edge, budget):
                    return False
        return True

    def _forced(self, state: _Matrix) -> list[tuple[int, int, int]] | None:
        """The constraints that follow from the ways each pair has left; None if one has none."""
        least = state[self.first, self.second]
        most = -state[self.second, self.first]
        open_ways = (self.low <= most[:, None]) & (self.high >= least[:, None])
        new_least = np.where(open_ways, self.low, _FAR).min(axis=1)
        new_most = np.where(open_ways, self.high, -_FAR).max(axis=1)
        if (new_least == _FAR).any():
            return None
        up, down = np.flatnonzero(new_least > least), np.flatnonzero(new_most < most)
        return [
            *_edges(self.first[up], self.second[up], new_least[up]),
            *_edges(self.second[down], self.first[down], -new_most[down]),
        ]

    def _pushed(self, state: _Matrix, target: int) -> list[tuple[int, int, int]] | None:
        """The constraints that follow from sums of sizes in a step; None if one is too full."""
        start, sizes, zero = state[-1, :-1], self.sizes, self.count
        tail = target + state[:-1, -1] - sizes
        below = state[:-1, :-1] >= sizes[:, None]
        np.fill_diagonal(below, False)
        under = self._worst(below)
        over = self._worst(below.T)
        late = self._worst(start[:, None] >= start[None, :])
        early = self._worst(tail[:, None] >= tail[None, :])
        if (start + late > target).any() or (tail + early > target).any():
            return None
        edges = [(zero, int(b), int(under[b])) for b in np.flatnonzero(under > start)]
        edges += [
            (int(b), zero, int(over[b] + sizes[b]) - target) for b in np.flatnonzero(over > tail)
        ]
        return edges

    def _worst(self, chosen: npt.NDArray[np.bool_]) -> _Matrix:
        """For each b, the largest sum of the sizes of `a` with `chosen[a, b]` in a step of b."""
        if not len(self.member):
            return np.zeros(self.count, dtype=np.int64)
        factor = chosen.astype(np.float64)
        rows = max(1, _PRODUCT // max(factor.size, 1))
        parts = [self.weight[k : k + rows] @ factor for k in range(0, len(self.member), rows)]
        sums = np.concatenate(parts)
        worst: _Matrix = np.where(self.member, sums, 0).max(axis=0).astype(np.int64)
        return worst

    def choose(self, state: _Matrix) -> tuple[tuple[int, int, int], tuple[int, int, int]] | None:
        """Pick the open pair with the least freedom and split it.

        Returns:
            A constraint and its alternative, the one with more room first; None if no pair is
            open, so that the lowest offsets are a placement.
        """
        least = state[self.first, self.second]
        most = -state[self.second, self.first]
        open_ways = (self.low <= most[:, None]) & (self.high >= least[:, None])
        open_pairs = np.flatnonzero(open_ways.sum(axis=1) > 1)
        if not len(open_pairs):
            return None
        ways = open_ways[open_pairs]
        lowest = ways.argmax(axis=1)
        cut = np.take_along_axis(self.high[open_pairs], lowest[:, None], axis=1)[:, 0]
        # The next way up: the lowest bound of the open ways above the lowest one.
        above = np.where(ways & (self.low[open_pairs] > cut[:, None]), self.low[open_pairs], _FAR)
        resume = above.min(axis=1)
        room_low = cut - least[open_pairs]
        room_high = most[open_pairs] - resume
        k = int(np.lexsort((room_low + room_high, np.minimum(room_low, room_high)))[0])
        i, j = int(self.first[open_pairs[k]]), int(self.second[open_pairs[k]])
        down, up = (j, i, -int(cut[k])), (i, j, int(resume[k]))
        return (down, up) if room_low[k] >= room_high[k] else (up, down)


def _edges(
    sources: npt.NDArray[np.intp], targets: npt.NDArray[np.intp], least: _Matrix
) -> list[tuple[int, int, int]]:
    """Turn columns of constraints into a list of them."""
    return list(zip(sources.tolist(), targets.tolist(), least.tolist(), strict=True))


def _cliques(instance: Instance) -> list[list[bool]]:
    """Sets of blocks that are alive together and of which no two may share bytes.

    One set for each step without relations; with relations, enough sets that each block is in
    one. Sets inside others are left out.
    """
    found: list[frozenset[int]] = []
    for _, live in instance.live_sets:
        by_size = sorted(live, key=lambda i: (-instance.sizes[i], i))
        missing = list(by_size)
        while missing:
            clique = _grow(instance, [missing[0], *by_size])
            missing = [i for i in missing if i not in clique]
            if not any(clique <= other for other in found):
                found = [other for other in found if not other < clique]
                found.append(clique)
    count = range(len(instance.sizes))
    return [[i in clique for i in count] for clique in found]


def _grow(instance: Instance, wanted: Sequence[int]) -> frozenset[int]:
    """Take blocks in turn, those that are related to one taken before excepted."""
    clique: set[int] = set()
    for i in wanted:
        if all((min(i, j), max(i, j)) not in instance.related for j in clique):
            clique.add(i)
    return frozenset(clique)

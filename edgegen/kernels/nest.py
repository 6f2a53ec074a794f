"""Nests of loops over strided operands: what plain C kernels for tensors of any rank walk along."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Nest:
    """Loops, outermost first, at least one.

    Attributes:
        sizes: iterations of each loop.
        steps: for each operand, elements from one iteration to the next of each loop.
    """

    sizes: Shape
    steps: tuple[Shape, ...]

    @property
    def depth(self) -> int:
        """Number of loops."""
        return len(self.sizes)

    @property
    def count(self) -> int:
        """Iterations of the innermost body."""
        return math.prod(self.sizes)


def nest(sizes: Sequence[int], *steps: Sequence[int]) -> Nest:
    """The fewest loops that walk the same elements in the same order.

    Args:
        sizes: iterations of each loop, outermost first.
        steps: for each operand, its step along each loop.

    >>> nest((2, 3, 4), (12, 4, 1), (0, 4, 1))
    Nest(sizes=(2, 12), steps=((12, 1), (0, 1)))
    """
    kept: list[tuple[int, tuple[int, ...]]] = []
    for size, *along in zip(sizes, *steps, strict=True):
        if size == 1:
            continue
        step = tuple(along)
        if kept and kept[-1][1] == tuple(size * s for s in step):
            kept[-1] = (kept[-1][0] * size, step)
        else:
            kept.append((size, step))
    kept = kept or [(1, (0,) * len(steps))]
    return Nest(
        tuple(size for size, _ in kept),
        tuple(tuple(step[i] for _, step in kept) for i in range(len(steps))),
    )

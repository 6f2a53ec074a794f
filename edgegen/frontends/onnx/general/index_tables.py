"""Which elements of a tensor another one holds, as one table for each axis where possible."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.int64]

OUTSIDE = -1


@dataclass(frozen=True)
class Tables:
    """Element (i0, i1, ...) comes from `start` plus the sum of the axes' offsets there.

    Attributes:
        offsets: for each axis, not negative, or `OUTSIDE`.
        start: added to each sum.
    """

    offsets: tuple[Index, ...]
    start: int


def factored(index: Index) -> Tables:
    """The tables of an array of places; one flat table where they are no sums over the axes.

    Args:
        index: for each element the place that it comes from, or `OUTSIDE`.
    """
    if index.ndim == 0:
        index = index.reshape(1)
    return _factored(index) or Tables((index.ravel(),), 0)


def _factored(index: Index) -> Tables | None:
    inside = index >= 0
    axes = range(index.ndim)
    seen = [inside.any(axis=tuple(a for a in axes if a != axis)) for axis in axes]
    if not all(s.any() for s in seen):
        return None
    block = index[np.ix_(*seen)]
    if bool((block < 0).any()):
        return None
    first = int(block.ravel()[0])
    along = [_line(block, axis) - first for axis in axes]
    total = np.full((1,) * index.ndim, first, np.int64)
    for axis, table in enumerate(along):
        total = total + table.reshape((-1,) + (1,) * (index.ndim - axis - 1))
    if not np.array_equal(np.broadcast_to(total, block.shape), block):
        return None
    offsets = []
    for axis, table in enumerate(along):
        whole = np.full(index.shape[axis], OUTSIDE, np.int64)
        whole[seen[axis]] = table - table.min()
        offsets.append(whole)
    return Tables(tuple(offsets), first + sum(int(t.min()) for t in along))


def _line(block: Index, axis: int) -> Index:
    """The first line of a block along an axis."""
    line: Index = np.moveaxis(block, axis, -1).reshape(-1, block.shape[axis])[0]
    return line

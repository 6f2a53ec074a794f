"""The order in which a tensor's elements lie in memory, independent of its shape.

An order is a nest of loops over the row-major index of the tensor's own shape, as (size, stride)
pairs, outermost first. Transposing a tensor without moving bytes changes its order; reshaping it
does not. That is why flattening, squeezing and channel shuffles need no rules of their own.
The form is that of CuTe's layouts (NVIDIA CUTLASS documentation, "CuTe Layouts").
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from edgegen.quant.fixed_point import Int64

Shape = tuple[int, ...]
Order = tuple[tuple[int, int], ...]
"""Canonical: no loop of one iteration, no two neighbours that could be one."""


class Piece(NamedTuple):
    """A loop that stays within one dimension of a shape: `size` steps of `step` indices of it."""

    axis: int
    size: int
    step: int


def canonical(loops: Iterable[tuple[int, int]]) -> Order:
    """The shortest nest of loops with the same walk.

    >>> canonical([(1, 7), (4, 15), (5, 3), (3, 1)])
    ((60, 1),)
    """
    kept: list[tuple[int, int]] = []
    for size, stride in loops:
        if size == 1:
            continue
        if kept and kept[-1][1] == size * stride:
            kept[-1] = (kept[-1][0] * size, stride)
        else:
            kept.append((size, stride))
    return tuple(kept)


def dense(shape: Shape) -> Order:
    """Row-major order."""
    return canonical([(math.prod(shape), 1)])


def strides(shape: Shape) -> Shape:
    """Row-major distances between neighbours along each dimension."""
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


@lru_cache(maxsize=4096)
def permutation(shape: Shape, axes: Shape) -> Order:
    """The order of a tensor whose dimensions lie in memory as `axes` lists them.

    >>> permutation((1, 3, 4, 5), (0, 2, 3, 1))
    ((20, 1), (3, 20))
    """
    steps = strides(shape)
    return canonical((shape[a], steps[a]) for a in axes)


@lru_cache(maxsize=4096)
def pieces(order: Order, shape: Shape) -> tuple[Piece, ...] | None:
    """The loops cut where they cross from one dimension to the next, outermost first.

    None where a loop covers part of a dimension that is no whole number of its steps.
    """
    axes = [(a, d, s) for a, (d, s) in enumerate(zip(shape, strides(shape), strict=True)) if d > 1]
    found: list[Piece] = []
    for size, stride in reversed(order):
        left, at = size, stride
        for axis, count, step in reversed(axes):
            end = step * count
            if left == 1 or not step <= at < end:
                continue
            if at % step or end % at:
                return None
            part = min(left, end // at)
            if left % part:
                return None
            found.append(Piece(axis, part, at // step))
            left //= part
            at *= part
        if left != 1:
            return None
    return tuple(reversed(found))


@lru_cache(maxsize=4096)
def axes_of(order: Order, shape: Shape) -> Shape | None:
    """The dimensions as they lie in memory, None if one is torn apart.

    A dimension of 1 follows the one before it in the shape, so that row-major order stays so.

    >>> axes_of(((20, 1), (3, 20)), (1, 3, 4, 5))
    (0, 2, 3, 1)
    """
    parts = pieces(order, shape)
    if parts is None:
        return None
    whole = [p.axis for p in parts if p.size == shape[p.axis]]
    if len(whole) != len(parts):
        return None
    for axis, size in enumerate(shape):
        if size == 1:
            whole.insert(whole.index(axis - 1) + 1 if axis else 0, axis)
    return tuple(whole)


@lru_cache(maxsize=4096)
def transposed(order: Order, shape: Shape, axes: Shape) -> Order | None:
    """The order of the transposed tensor in whose bytes nothing moves.

    Args:
        order: the tensor's.
        shape: the tensor's.
        axes: dimension k of the transposed tensor is dimension `axes[k]`.
    """
    parts = pieces(order, shape)
    if parts is None:
        return None
    goal = strides(tuple(shape[a] for a in axes))
    return canonical((p.size, p.step * goal[axes.index(p.axis)]) for p in parts)


def indices(order: Order, elements: int) -> Int64:
    """Row-major index of each element in memory, [elements]."""
    at = np.zeros(1, np.int64)
    for size, stride in order:
        at = (at[:, np.newaxis] + np.arange(size) * stride).ravel()
    assert at.size == elements
    return at


class Move(NamedTuple):
    """A transposition of bytes: the tensor seen in `shape`, its axes put in the order `axes`."""

    shape: Shape
    axes: Shape


def move(before: Order, after: Order) -> Move | None:
    """How bytes get from one order of a tensor to another; None if no single transposition does.

    >>> move(((60, 1),), ((20, 1), (3, 20)))
    Move(shape=(3, 20), axes=(1, 0))
    """
    cuts = sorted({cut for n, s in (*before, *after) for cut in (s, n * s)})
    if any(b % a for a, b in pairwise(cuts)):
        return None
    atoms = list(pairwise(cuts))

    def sequence(order: Order) -> list[tuple[int, int]]:
        return [a for n, s in order for a in reversed(atoms) if s <= a[0] < n * s]

    source, target = sequence(before), sequence(after)
    # What stays together in both orders moves as one.
    groups: list[list[tuple[int, int]]] = []
    follows = dict(pairwise(target))
    for atom in source:
        if groups and follows.get(groups[-1][-1]) == atom:
            groups[-1].append(atom)
        else:
            groups.append([atom])
    place = {group[0]: i for i, group in enumerate(groups)}
    shape = tuple(math.prod(end // start for start, end in group) for group in groups)
    return Move(shape, tuple(place[a] for a in target if a in place))


def permute(shape: Sequence[int], axes: Sequence[int]) -> Shape:
    """The shape with its dimensions in another order."""
    return tuple(shape[a] for a in axes)

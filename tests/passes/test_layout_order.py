"""The algebra of byte orders against numpy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgegen.passes.layout.order import (
    Order,
    axes_of,
    dense,
    indices,
    move,
    permutation,
    permute,
    pieces,
    transposed,
)
from edgegen.passes.layout.rewrite import moves

Shape = tuple[int, ...]
SHAPES = st.lists(st.sampled_from((1, 2, 3, 4, 6)), min_size=1, max_size=4).map(tuple)


@st.composite
def shaped(draw: Callable[[Any], Any]) -> tuple[Shape, Shape]:
    """A shape and an order of its axes."""
    shape = draw(SHAPES)
    return shape, tuple(draw(st.permutations(range(len(shape)))))


def memory(shape: Shape, axes: Shape) -> list[int]:
    """Row-major index of each element of a tensor whose axes lie in memory as listed."""
    return list(np.arange(math.prod(shape)).reshape(shape).transpose(axes).ravel())


@settings(derandomize=True, deadline=None)
@given(shaped())
def test_permutation_lists_the_elements_as_they_lie(case: tuple[Shape, Shape]) -> None:
    shape, axes = case
    order = permutation(shape, axes)
    assert list(indices(order, math.prod(shape))) == memory(shape, axes)
    found = axes_of(order, shape)
    assert found is not None
    # Dimensions of 1 may lie anywhere: the bytes are the same.
    assert permutation(shape, found) == order
    assert axes_of(dense(shape), shape) == tuple(range(len(shape)))


@settings(derandomize=True, deadline=None)
@given(shaped(), st.randoms(use_true_random=False))
def test_transposing_without_moving_bytes(case: tuple[Shape, Shape], random: Any) -> None:
    shape, axes = case
    order = permutation(shape, axes)
    swap = list(range(len(shape)))
    random.shuffle(swap)
    given_order = transposed(order, shape, tuple(swap))
    assert given_order is not None
    # The transposed tensor's own row-major index of what lies at each place.
    index = np.arange(math.prod(shape)).reshape(permute(shape, swap))
    back = np.argsort(swap)
    expected = index.transpose(back).ravel()[memory(shape, axes)]
    assert list(indices(given_order, math.prod(shape))) == list(expected)


@settings(derandomize=True, deadline=None)
@given(shaped(), st.randoms(use_true_random=False))
def test_moves_bring_one_order_to_another(case: tuple[Shape, Shape], random: Any) -> None:
    shape, axes = case
    other = list(axes)
    random.shuffle(other)
    before, after = permutation(shape, axes), permutation(shape, tuple(other))
    values = np.array(memory(shape, axes))
    for step in moves(before, after):
        values = values.reshape(step.shape).transpose(step.axes).ravel()
    assert list(values) == memory(shape, tuple(other))


def test_a_torn_dimension_is_no_order_of_axes() -> None:
    # Flattened channels and pixels, channels last: the one dimension of 12 is in two pieces.
    order = permutation((1, 3, 4), (0, 2, 1))
    assert axes_of(order, (1, 12)) is None
    assert pieces(order, (1, 12)) == ((1, 4, 1), (1, 3, 4))
    assert pieces(((4, 1), (3, 4)), (2, 6)) is None


def test_orders_that_no_single_transposition_joins() -> None:
    rows: Order = permutation((2, 6), (1, 0))
    columns: Order = permutation((3, 4), (1, 0))
    assert move(rows, columns) is None
    values = indices(rows, 12)
    for step in moves(rows, columns):
        values = values.reshape(step.shape).transpose(step.axes).ravel()
    assert list(values) == list(indices(columns, 12))
    assert dense((4, 3)) == ((12, 1),)

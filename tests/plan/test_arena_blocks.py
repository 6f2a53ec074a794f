from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgegen.errors import InternalError
from edgegen.plan.blocks import (
    ArenaProblem,
    Block,
    Relation,
    in_place_relation,
    overlap_relation,
    round_up,
    safe_orders,
)
from tests.plan.arena_cases import STEADY

X, Y = Block("x", 20, 0, 3), Block("y", 12, 3, 5)


@pytest.mark.parametrize(("value", "rounded"), [(0, 0), (1, 4), (4, 4), (-1, 0), (-4, -4)])
def test_round_up(value: int, rounded: int) -> None:
    assert round_up(value, 4) == rounded


def test_all_bad_blocks_are_listed() -> None:
    with pytest.raises(InternalError) as caught:
        ArenaProblem(
            (Block("a", 4, 0, 1), Block("a", -1, 2, 1)),
            (Relation("a", "b", ()), Relation("a", "a", ())),
            alignment=0,
        )
    text = str(caught.value)
    for part in ("alignment 0", "used twice", "size -1", "dies in step 1", "no block b", "itself"):
        assert part in text
    assert len(caught.value.problems) == 6


def test_a_pair_has_one_relation() -> None:
    with pytest.raises(InternalError, match="two relations"):
        ArenaProblem((X, Y), (Relation("x", "y", ()), Relation("y", "x", ())))


def test_relations_are_for_blocks_that_meet() -> None:
    with pytest.raises(InternalError, match="never live together"):
        ArenaProblem((X, Block("z", 4, 4, 4)), (Relation("x", "z", ()),))


@pytest.mark.parametrize(
    ("forward", "reverse", "forbidden"),
    [
        (None, None, ((-12, 20),)),
        (5, None, ((-8, 20),)),
        (None, 1, ((-12, 12),)),
        (0, 0, ((0, 8),)),
        (-3, None, ((0, 20),)),
        (-4, -4, ()),
        (100, 100, ((-12, 20),)),
    ],
)
def test_overlap_distances_are_rounded_and_never_beyond_disjoint(
    forward: int | None, reverse: int | None, forbidden: tuple[tuple[int, int], ...]
) -> None:
    relation = overlap_relation(X, Y, forward=forward, reverse=reverse, alignment=4)
    assert relation == Relation("x", "y", forbidden)


def test_equal_sizes_and_distances_of_zero_allow_everything() -> None:
    y = Block("y", 20, 3, 5)
    assert overlap_relation(X, y, forward=0, reverse=0, alignment=4).forbidden == ()


def test_no_bytes_no_restriction() -> None:
    y = Block("y", 0, 3, 5)
    assert overlap_relation(X, y, forward=8, reverse=None, alignment=4).forbidden == ()
    assert in_place_relation(X, y).forbidden == ()


def test_an_input_that_is_needed_later_cannot_be_overwritten() -> None:
    y = Block("y", 20, 2, 5)
    with pytest.raises(InternalError, match="x dies in step 3 but y is born in step 2"):
        overlap_relation(X, y, forward=0, reverse=0, alignment=4)
    with pytest.raises(InternalError, match="own step"):
        in_place_relation(X, y)


_DISTANCES = st.none() | st.integers(-30, 40)


@settings(STEADY, max_examples=300)
@given(
    sizes=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    forward=_DISTANCES,
    reverse=_DISTANCES,
    alignment=st.sampled_from([1, 4]),
)
def test_what_a_relation_allows_is_what_some_order_makes_safe(
    sizes: tuple[int, int], forward: int | None, reverse: int | None, alignment: int
) -> None:
    x, y = Block("x", sizes[0], 0, 1), Block("y", sizes[1], 1, 2)
    rule = overlap_relation(x, y, forward=forward, reverse=reverse, alignment=alignment)
    for difference in range(-80, 81, alignment):
        allowed = not any(low < difference < high for low, high in rule.forbidden)
        orders = safe_orders(x, y, forward=forward, reverse=reverse, difference=difference)
        assert allowed == any(orders), difference

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgegen.plan.blocks import ArenaProblem, Block, Relation
from edgegen.plan.bound import EXACT_BLOCKS, lower_bound, occupied, pair_cover
from edgegen.plan.exact import Budget, close_gap
from edgegen.plan.instance import Instance, build_instance
from edgegen.plan.search import first_fit, greedy, hill_climb, lowest_offset
from tests.plan.arena_cases import KWS, STEADY, VWW, problems, random_lives


def _step_of(count: int, size: int = 8, relations: tuple[Relation, ...] = ()) -> Instance:
    """Blocks that are all alive in one step, in units of 4 bytes unless they share a divisor."""
    blocks = (Block(f"b{k}", size, 0, 0) for k in range(count))
    return build_instance(ArenaProblem((*blocks, Block("one", 4, 0, 0)), relations))


def test_the_unit_is_the_greatest_that_all_sizes_share() -> None:
    assert build_instance(VWW).unit == 4
    assert build_instance(KWS).sizes[:2] == (123, 2000)
    even = ArenaProblem((Block("a", 4096, 0, 0), Block("b", 6144, 0, 0)))
    assert build_instance(even).unit == 2048
    odd = ArenaProblem(even.blocks, (Relation("a", "b", ((-6144, 5),)),))
    assert build_instance(odd).unit == 8


def test_intervals_are_rounded_merged_and_turned() -> None:
    blocks = (Block("a", 16, 0, 0), Block("b", 16, 0, 0), Block("c", 4, 0, 0))
    intervals = ((7, 9), (1, 5), (3, 6), (20, 22), (-9, -6), (2, 2))
    instance = build_instance(ArenaProblem(blocks, (Relation("b", "a", intervals),)))
    # In words, (7, 9) holds 2, (1, 5) and (3, 6) hold 1, (-9, -6) holds -2, (20, 22) none.
    assert instance.gaps[0, 1] == ((-3, 0), (1, 3))


def test_a_relation_like_the_default_is_none() -> None:
    blocks = (Block("a", 5, 0, 0), Block("b", 6, 0, 0))
    plain = build_instance(ArenaProblem(blocks))
    assert build_instance(ArenaProblem(blocks, (Relation("b", "a", ((-5, 6),)),))) == plain


@settings(STEADY, max_examples=100)
@given(problem=problems())
def test_blocks_set_aside_fit_below_the_bound_wherever_the_others_are(
    problem: ArenaProblem,
) -> None:
    instance = build_instance(problem)
    bound = lower_bound(instance).units
    core, aside = instance.peel(bound)
    assert sorted(core + aside) == list(range(len(problem.blocks)))
    offsets = [-1] * len(problem.blocks)
    # The worst order for those that remain: from the smallest, so that holes are spread.
    for block in sorted(core, key=lambda i: instance.sizes[i]):
        offsets[block] = lowest_offset(instance, block, offsets)
    for block in reversed(aside):
        offsets[block] = lowest_offset(instance, block, offsets)
        assert offsets[block] + instance.sizes[block] <= bound


@settings(STEADY, max_examples=200)
@given(
    sizes=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    ends=st.lists(st.integers(-9, 9), max_size=6, unique=True),
)
def test_the_cover_of_a_pair_is_the_smallest_union(sizes: tuple[int, int], ends: list[int]) -> None:
    ends = sorted(ends)
    gaps = tuple(zip(ends[::2], ends[1::2], strict=False))
    unions = [
        len({*range(sizes[0]), *range(d, d + sizes[1])})
        for d in range(-20, 21)
        if not any(low < d < high for low, high in gaps)
    ]
    assert pair_cover(*sizes, gaps) == min(unions)


def test_a_step_of_few_related_blocks_is_exact() -> None:
    # b0 and b1 must keep 8 bytes between them, in which the small block fits: 6 words.
    relation = Relation("b0", "b1", ((-16, 16),))
    assert lower_bound(_step_of(2, relations=(relation,))).units == 6


def test_a_step_of_many_related_blocks_has_a_true_bound() -> None:
    count = EXACT_BLOCKS + 10
    pairs = [(f"b{i}", f"b{j}") for i, j in product(range(count), repeat=2) if i < j]
    instance = _step_of(count, relations=tuple(Relation(a, b, ()) for a, b in pairs))
    assert lower_bound(instance).units == 3
    assert occupied(instance, range(count)) == 2


@settings(STEADY, max_examples=150)
@given(problem=problems())
def test_no_first_fit_goes_below_the_bound(problem: ArenaProblem) -> None:
    instance = build_instance(problem)
    bound = lower_bound(instance)
    for placement in greedy(instance, -1):
        assert placement.span >= bound.units
    for _, live in instance.live_sets:
        assert occupied(instance, live) <= bound.units


def test_first_fit_fills_the_lowest_hole() -> None:
    blocks = (Block("a", 8, 0, 0), Block("b", 8, 0, 1), Block("c", 8, 1, 1))
    instance = build_instance(ArenaProblem(blocks))
    assert first_fit(instance, [0, 1, 2]) == [0, 1, 0]
    assert first_fit(instance, [2, 0, 1]) == [0, 1, 0]


def test_a_climb_only_improves_and_repeats() -> None:
    instance = build_instance(random_lives(0, 60, 20, 15, range(10, 90)))
    bound = lower_bound(instance).units
    starts = greedy(instance, bound)[:1]
    climbed = hill_climb(instance, starts, bound, work=200_000)
    assert bound <= instance.span(climbed) < starts[0].span
    assert climbed == hill_climb(instance, starts, bound, work=200_000)


@pytest.mark.parametrize("budget", [Budget(nodes=0), Budget(nodes=5), Budget(work=1_000_000)])
def test_a_search_that_is_cut_short_proves_nothing(budget: Budget) -> None:
    instance = build_instance(random_lives(1, 60, 20, 15, range(10, 90)))
    start = greedy(instance, 0)[0]
    bound = lower_bound(instance).units
    outcome = close_gap(instance, start.offsets, bound, budget)
    assert bound <= outcome.lower < instance.span(outcome.offsets)


@pytest.mark.parametrize("seed", range(5))
def test_branch_and_bound_alone_reaches_the_optimum(seed: int) -> None:
    instance = build_instance(random_lives(seed, 12, 6, 4, range(3, 20)))
    worst = max(greedy(instance, -1), key=lambda p: p.span)
    outcome = close_gap(instance, worst.offsets, 0, Budget())
    assert outcome.lower == instance.span(outcome.offsets)

from __future__ import annotations

import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edgegen.plan.arena import plan_arena
from edgegen.plan.blocks import ArenaPlan, ArenaProblem, Block, Relation
from edgegen.plan.check import check_plan
from edgegen.plan.exact import Budget, close_gap
from edgegen.plan.instance import build_instance
from edgegen.plan.search import greedy
from tests.plan.arena_cases import STEADY, problems, random_graph, random_lives, random_stream
from tests.plan.arena_oracle import smallest_arena


def _require_ortools() -> None:
    pytest.importorskip("ortools", reason="OR-tools (edgegen[optimal]), the oracle, is missing")


@settings(STEADY, max_examples=200)
@given(problem=problems(most=14))
def test_plans_are_valid(problem: ArenaProblem) -> None:
    assert check_plan(problem, plan_arena(problem)) == []


@settings(STEADY, max_examples=60)
@given(problem=problems(most=14))
def test_plans_are_valid_without_search(problem: ArenaProblem) -> None:
    assert check_plan(problem, plan_arena(problem, node_limit=0)) == []


@settings(STEADY, max_examples=150)
@given(
    problem=problems(most=10),
    nodes=st.integers(0, 6),
    work=st.sampled_from([50_000, 400_000, 3_000_000]),
)
def test_a_search_cut_short_tells_no_lies(problem: ArenaProblem, nodes: int, work: int) -> None:
    best = plan_arena(problem)
    assume(best.proved)
    instance = build_instance(problem)
    start = max(greedy(instance, -1), key=lambda placement: placement.span)
    outcome = close_gap(instance, start.offsets, 0, Budget(nodes, work))
    assert outcome.lower * instance.unit <= best.size
    plan = ArenaPlan(
        {b.name: o * instance.unit for b, o in zip(problem.blocks, outcome.offsets, strict=True)},
        instance.span(outcome.offsets) * instance.unit,
        outcome.lower * instance.unit,
        best.peak_step,
        outcome.lower == instance.span(outcome.offsets),
        "cut short",
        best.peak_blocks,
    )
    assert check_plan(problem, plan) == []


def _agree(problem: ArenaProblem) -> None:
    plan = plan_arena(problem)
    assert check_plan(problem, plan) == []
    best = smallest_arena(problem, plan.size)
    assert plan.lower_bound <= best <= plan.size
    assert plan.proved == (plan.lower_bound == plan.size)


@settings(STEADY, max_examples=200)
@given(problem=problems())
def test_small_problems_against_the_oracle(problem: ArenaProblem) -> None:
    _require_ortools()
    _agree(problem)
    assert plan_arena(problem).proved


@settings(STEADY, max_examples=60)
@given(problem=problems(most=12, related=False))
def test_plain_problems_against_the_oracle(problem: ArenaProblem) -> None:
    _require_ortools()
    _agree(problem)


@pytest.mark.parametrize("seed", range(8))
def test_medium_puzzles_against_the_oracle(seed: int) -> None:
    _require_ortools()
    _agree(random_lives(seed, 20, 8, 6, range(3, 14)))


@pytest.mark.parametrize("seed", range(8))
def test_medium_graphs_against_the_oracle(seed: int) -> None:
    _require_ortools()
    _agree(random_graph(seed, 18))


@pytest.mark.parametrize("start", range(0, 500, 100))
def test_random_graphs_with_overlap_against_the_oracle(start: int) -> None:
    """500 in all: overlap from layer to layer, and rings that reach into an image."""
    _require_ortools()
    proved = 0
    for seed in range(start, start + 100):
        problem = random_stream(seed) if seed % 2 else random_graph(seed, 4 + seed % 7)
        _agree(problem)
        proved += plan_arena(problem).proved
    assert proved == 100


@pytest.mark.parametrize("seed", range(4))
def test_many_rings_at_once_are_bounded_exactly(seed: int) -> None:
    """A hub and two dozen rings, all alive at once: no search, and a proof."""
    dice = random.Random(seed)
    image = Block("image", 3072, 0, 99)
    rings = [Block(f"ring{k}", 4 * dice.randint(20, 400), k, 99 - k) for k in range(24)]
    relations = tuple(
        Relation(image.name, ring.name, ((4 * dice.randint(0, 30) - ring.size, image.size),))
        for ring in rings
    )
    plan = plan_arena(ArenaProblem((image, *rings), relations, 4), node_limit=0)
    assert plan.proved

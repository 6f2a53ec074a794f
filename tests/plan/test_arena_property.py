from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edgegen.plan.arena import plan_arena
from edgegen.plan.blocks import ArenaPlan, ArenaProblem
from edgegen.plan.check import check_plan
from edgegen.plan.exact import Budget, close_gap
from edgegen.plan.instance import build_instance
from edgegen.plan.search import greedy
from tests.plan.arena_cases import STEADY, problems, random_graph, random_lives
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

from __future__ import annotations

import pytest
from hypothesis import given, settings

from edgegen.plan.arena import plan_arena
from edgegen.plan.blocks import ArenaProblem
from edgegen.plan.check import check_plan
from tests.plan.arena_cases import problems, random_graph, random_lives
from tests.plan.arena_oracle import smallest_arena


def _require_ortools() -> None:
    pytest.importorskip("ortools", reason="OR-tools (edgegen[optimal]), the oracle, is missing")


@settings(derandomize=True, deadline=None, max_examples=300)
@given(problem=problems(most=14))
def test_plans_are_valid(problem: ArenaProblem) -> None:
    assert check_plan(problem, plan_arena(problem)) == []


@settings(derandomize=True, deadline=None, max_examples=60)
@given(problem=problems(most=14))
def test_plans_are_valid_without_search(problem: ArenaProblem) -> None:
    assert check_plan(problem, plan_arena(problem, node_limit=0)) == []


def _agree(problem: ArenaProblem) -> None:
    plan = plan_arena(problem)
    assert check_plan(problem, plan) == []
    best = smallest_arena(problem, plan.size)
    assert plan.lower_bound <= best <= plan.size
    assert plan.proved == (plan.lower_bound == plan.size)


@settings(derandomize=True, deadline=None, max_examples=250)
@given(problem=problems())
def test_small_problems_against_the_oracle(problem: ArenaProblem) -> None:
    _require_ortools()
    _agree(problem)
    assert plan_arena(problem).proved


@settings(derandomize=True, deadline=None, max_examples=60)
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
    _agree(random_graph(seed, 24))

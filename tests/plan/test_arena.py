from __future__ import annotations

import pytest

from edgegen.plan import cpsat
from edgegen.plan.arena import plan_arena
from edgegen.plan.blocks import ArenaProblem, Block, Relation, in_place_relation
from edgegen.plan.check import require_valid
from tests.plan.arena_cases import (
    AD,
    IC,
    KWS,
    VWW,
    chain,
    kws_kernels,
    long_model,
    overlapped_chain,
    overlapped_ic,
    random_lives,
    vww_kernels,
)

KWS_FORWARD = overlapped_chain(KWS, kws_kernels(), both=False)
"""A real model whose optimum is above what its worst step needs."""


@pytest.mark.parametrize(
    ("problem", "size", "peak_step"),
    [(KWS, 16000, 1), (VWW, 55296, 2), (IC, 49152, 2), (AD, 768, 0)],
    ids=["kws", "vww", "ic", "ad"],
)
def test_reference_models_without_overlap(problem: ArenaProblem, size: int, peak_step: int) -> None:
    plan = plan_arena(problem)
    require_valid(problem, plan)
    assert (plan.size, plan.lower_bound, plan.proved) == (size, size, True)
    assert plan.peak_step == peak_step
    assert plan.method.startswith("first fit")


@pytest.mark.parametrize(
    ("problem", "size"),
    [
        (overlapped_chain(KWS, kws_kernels(), both=True), 8384),
        (KWS_FORWARD, 9792),
        (overlapped_chain(VWW, vww_kernels(), both=True), 36872),
        (overlapped_ic(), 33312),
    ],
    ids=["kws", "kws forward", "vww", "ic"],
)
def test_reference_models_with_overlap(problem: ArenaProblem, size: int) -> None:
    plan = plan_arena(problem)
    require_valid(problem, plan)
    assert (plan.size, plan.proved) == (size, True)


def test_nothing_to_place() -> None:
    plan = plan_arena(ArenaProblem(()))
    require_valid(ArenaProblem(()), plan)
    assert (plan.size, plan.proved, plan.peak_blocks) == (0, True, ())


def test_blocks_without_bytes_are_in_no_ones_way() -> None:
    problem = ArenaProblem((Block("a", 0, 0, 1), Block("b", 5, 0, 1), Block("c", 0, 1, 2)))
    plan = plan_arena(problem)
    require_valid(problem, plan)
    assert plan.size == 8
    assert set(plan.offsets.values()) == {0}


def test_blocks_that_never_meet_share_their_place() -> None:
    plan = plan_arena(ArenaProblem(tuple(Block(f"b{k}", 10, k, k) for k in range(5))))
    assert plan.size == 12
    assert set(plan.offsets.values()) == {0}


@pytest.mark.parametrize("alignment", [1, 4, 16])
def test_alignment(alignment: int) -> None:
    blocks = tuple(Block(f"b{k}", 9, 0, 0) for k in range(3))
    plan = plan_arena(ArenaProblem(blocks, alignment=alignment))
    assert plan.size == 3 * -(-9 // alignment) * alignment


def test_the_peak_is_the_earliest_worst_step() -> None:
    plan = plan_arena(chain([8, 16, 8, 16, 4]))
    assert plan.peak_step == 0
    assert plan.peak_blocks == ("t0", "t1")


def test_an_addition_in_place() -> None:
    a, b, y = Block("a", 8, 0, 1), Block("b", 8, 0, 1), Block("y", 8, 1, 2)
    relations = (in_place_relation(a, y), in_place_relation(b, y))
    plan = plan_arena(ArenaProblem((a, b, y), relations))
    assert plan.size == 16
    assert plan.offsets["y"] in (plan.offsets["a"], plan.offsets["b"])


def test_a_relation_may_demand_more_than_disjoint_places() -> None:
    problem = ArenaProblem(
        (Block("a", 4, 0, 0), Block("b", 4, 0, 0)), (Relation("b", "a", ((-40, 60),)),)
    )
    plan = plan_arena(problem)
    require_valid(problem, plan)
    assert (plan.size, plan.proved) == (44, True)
    assert plan.offsets == {"a": 0, "b": 40}


def test_a_gap_above_the_worst_step_is_closed_by_branch_and_bound() -> None:
    plan = plan_arena(KWS_FORWARD)
    assert plan.proved
    assert plan.method == "branch and bound"
    stopped = plan_arena(KWS_FORWARD, node_limit=0)
    require_valid(KWS_FORWARD, stopped)
    assert not stopped.proved
    assert stopped.lower_bound < plan.size <= stopped.size


def test_cp_sat_finishes_what_is_left() -> None:
    pytest.importorskip("ortools", reason="OR-tools (edgegen[optimal]) is not installed")
    plan = plan_arena(KWS_FORWARD, node_limit=0, use_cp_sat=True)
    require_valid(KWS_FORWARD, plan)
    assert (plan.size, plan.proved, plan.method) == (9792, True, "CP-SAT")


def test_without_ortools_the_plan_is_left_unproved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpsat, "available", lambda: False)
    with_option = plan_arena(KWS_FORWARD, node_limit=0, use_cp_sat=True)
    assert with_option == plan_arena(KWS_FORWARD, node_limit=0)
    assert not with_option.proved


@pytest.mark.parametrize("seed", range(4))
def test_long_models_need_no_search_tree(seed: int) -> None:
    problem = long_model(seed, 200)
    plan = plan_arena(problem, node_limit=0)
    require_valid(problem, plan)
    assert plan.proved


def test_hard_puzzles_end_without_a_proof_but_with_a_valid_plan() -> None:
    problem = random_lives(5, 200, 40, 40, range(50, 60))
    plan = plan_arena(problem)
    require_valid(problem, plan)
    assert not plan.proved
    assert plan.size - plan.lower_bound < plan.size // 20


def test_the_same_problem_gives_the_same_plan() -> None:
    problem = random_lives(4, 60, 20, 15, range(10, 90))
    assert plan_arena(problem) == plan_arena(problem)

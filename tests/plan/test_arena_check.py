from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edgegen.errors import InternalError
from edgegen.plan.arena import plan_arena
from edgegen.plan.blocks import ArenaPlan, ArenaProblem, Block, Relation
from edgegen.plan.check import check_plan, require_valid
from tests.plan.arena_cases import IC, STEADY, problems

A, B, C = Block("a", 8, 0, 1), Block("b", 6, 1, 2), Block("c", 8, 2, 3)
PROBLEM = ArenaProblem((A, B, C))
PLAN = ArenaPlan({"a": 0, "b": 8, "c": 0}, 16, 16, 1, True, "by hand", ("a", "b"))


def _texts(plan: ArenaPlan, problem: ArenaProblem = PROBLEM) -> str:
    return "\n".join(str(p) for p in check_plan(problem, plan))


def _moved(plan: ArenaPlan, name: str, offset: int) -> ArenaPlan:
    """The plan with one block moved, and an arena that fits whatever the offset is."""
    return replace(plan, offsets={**plan.offsets, name: offset}, size=1 << 20)


def test_a_valid_plan_has_no_problems() -> None:
    assert check_plan(PROBLEM, PLAN) == []
    require_valid(PROBLEM, PLAN)


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        (replace(PLAN, offsets={"a": 0, "b": 8}), "block c: it has no offset"),
        (replace(PLAN, offsets={**PLAN.offsets, "d": 0}), "block d: the plan places a block"),
        (_moved(PLAN, "a", -4), "block a: the offset -4 is negative"),
        (_moved(PLAN, "b", 10), "block b: the offset 10 is not a multiple of 4"),
        (_moved(PLAN, "b", 4), "share bytes 4 to 7, both alive in step 1"),
        (_moved(PLAN, "c", 8), "share bytes 8 to 13, both alive in step 2"),
        (replace(PLAN, size=12), "block b: it ends at 14, past the arena of 12"),
        (replace(PLAN, size=20), "size 20 does not follow from the last byte 14"),
        (replace(PLAN, size=14), "size 14 is not a multiple of 4"),
        (replace(PLAN, lower_bound=20), "lower bound 20 is not within"),
        (replace(PLAN, lower_bound=-4, proved=False), "lower bound -4 is not within"),
        (replace(PLAN, lower_bound=12), "proved is True with size 16 and lower bound 12"),
        (replace(PLAN, proved=False), "proved is False"),
        (replace(PLAN, peak_step=3), "peak blocks are not those alive in step 3"),
    ],
)
def test_each_violation_is_named(plan: ArenaPlan, text: str) -> None:
    assert text in _texts(plan)


def test_relations_replace_the_rule_of_disjoint_bytes() -> None:
    overlapped = replace(PLAN, offsets={"a": 4, "b": 0, "c": 8}, proved=False, lower_bound=0)
    assert "share bytes" in _texts(overlapped)
    allowing = ArenaProblem((A, B, C), (Relation("a", "b", ((-4, 8),)),))
    assert check_plan(allowing, overlapped) == []
    turned = ArenaProblem((A, B, C), (Relation("b", "a", ((-8, 4),)),))
    assert check_plan(turned, overlapped) == []
    strict = ArenaProblem((A, B, C), (Relation("b", "a", ((-8, 5),)),))
    assert "a is at 4, strictly between -8 and 5" in _texts(overlapped, strict)


def test_all_violations_are_raised_at_once() -> None:
    bad = replace(PLAN, offsets={"a": 2, "b": 0}, size=8)
    with pytest.raises(InternalError) as caught:
        require_valid(PROBLEM, bad)
    assert list(caught.value.problems) == check_plan(PROBLEM, bad)
    assert len(caught.value.problems) >= 4


def test_no_two_live_blocks_of_a_model_can_be_moved_together() -> None:
    plan = plan_arena(IC)
    for j, b in enumerate(IC.blocks):
        for a in IC.blocks[:j]:
            if a.alive_with(b):
                text = _texts(_moved(plan, b.name, plan.offsets[a.name]), IC)
                assert f"blocks {a.name} and {b.name}: they share bytes" in text


@settings(STEADY, max_examples=120)
@given(problem=problems(), data=st.data())
def test_a_block_moved_into_another_is_found(problem: ArenaProblem, data: st.DataObject) -> None:
    related = {frozenset((r.a, r.b)) for r in problem.relations}
    pairs = [
        (a, b)
        for a in problem.blocks
        for b in problem.blocks
        if a is not b and a.size and b.size and a.alive_with(b)
        if frozenset((a.name, b.name)) not in related
    ]
    assume(pairs)
    still, moved = data.draw(st.sampled_from(pairs))
    plan = plan_arena(problem, node_limit=0)
    start = plan.offsets[still.name]
    offset = data.draw(st.integers(start - moved.size + 1, start + still.size - 1))
    found = check_plan(problem, _moved(plan, moved.name, offset))
    assert any("share bytes" in p.what and moved.name in p.where.split() for p in found)


@settings(STEADY, max_examples=60)
@given(problem=problems(), data=st.data())
def test_a_distance_that_is_forbidden_is_found(problem: ArenaProblem, data: st.DataObject) -> None:
    wide = [
        (r, low, high) for r in problem.relations for low, high in r.forbidden if high - low > 1
    ]
    assume(wide)
    rule, low, high = data.draw(st.sampled_from(wide))
    plan = plan_arena(problem, node_limit=0)
    offset = plan.offsets[rule.a] + data.draw(st.integers(low + 1, high - 1))
    found = check_plan(problem, _moved(plan, rule.b, offset))
    assert any("strictly between" in p.what for p in found)

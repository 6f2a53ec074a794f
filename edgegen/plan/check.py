"""An independent check of arena plans.

This module shares nothing with the planner but the data types, works on plain bytes, and compares
every block with every other: a mistake in the planner cannot hide here.
"""

from __future__ import annotations

from collections.abc import Iterator

from edgegen.errors import InternalError, Problem
from edgegen.plan.blocks import ArenaPlan, ArenaProblem, Block, Relation


def check_plan(problem: ArenaProblem, plan: ArenaPlan) -> list[Problem]:
    """List everything that is wrong with a plan.

    Args:
        problem: the blocks and how close they may come.
        plan: the offsets, in bytes, and what is claimed about them.

    Returns:
        The violations, an empty list if there are none.
    """
    found = list(_names(problem, plan))
    placed = [block for block in problem.blocks if block.name in plan.offsets]
    for block in placed:
        found.extend(_position(problem, plan, block))
    rules = {frozenset((rule.a, rule.b)): rule for rule in problem.relations}
    for index, second in enumerate(placed):
        for first in placed[:index]:
            rule = rules.get(frozenset((first.name, second.name)))
            if rule is not None:
                found.extend(_distance(plan, rule))
            elif _shared_step(first, second) is not None:
                found.extend(_overlap(plan, first, second))
    found.extend(_claims(problem, plan))
    return found


def require_valid(problem: ArenaProblem, plan: ArenaPlan) -> None:
    """Raise unless a plan is valid.

    Args:
        problem: the blocks and how close they may come.
        plan: the plan to check.

    Raises:
        InternalError: with all violations.
    """
    found = check_plan(problem, plan)
    if found:
        raise InternalError(found)


def _names(problem: ArenaProblem, plan: ArenaPlan) -> Iterator[Problem]:
    known = {block.name for block in problem.blocks}
    for block in problem.blocks:
        if block.name not in plan.offsets:
            yield Problem("it has no offset", f"block {block.name}")
    for name in plan.offsets:
        if name not in known:
            yield Problem("the plan places a block that does not exist", f"block {name}")


def _position(problem: ArenaProblem, plan: ArenaPlan, block: Block) -> Iterator[Problem]:
    offset = plan.offsets[block.name]
    where = f"block {block.name}"
    if offset < 0:
        yield Problem(f"the offset {offset} is negative", where)
    if offset % problem.alignment:
        yield Problem(f"the offset {offset} is not a multiple of {problem.alignment}", where)
    if offset + block.size > plan.size:
        yield Problem(f"it ends at {offset + block.size}, past the arena of {plan.size}", where)


def _shared_step(first: Block, second: Block) -> int | None:
    """The first step in which both blocks are alive, None if there is none."""
    for a, b in first.lives:
        for c, d in second.lives:
            if max(a, c) <= min(b, d):
                return max(a, c)
    return None


def _overlap(plan: ArenaPlan, first: Block, second: Block) -> Iterator[Problem]:
    start = max(plan.offsets[first.name], plan.offsets[second.name])
    end = min(plan.offsets[first.name] + first.size, plan.offsets[second.name] + second.size)
    if start < end:
        yield Problem(
            f"they share bytes {start} to {end - 1}, both alive in step "
            f"{_shared_step(first, second)}",
            f"blocks {first.name} and {second.name}",
        )


def _distance(plan: ArenaPlan, rule: Relation) -> Iterator[Problem]:
    """Check a relation as it is written, whatever the blocks' sizes are."""
    here, there = plan.offsets[rule.a], plan.offsets[rule.b]
    for low, high in rule.forbidden:
        if here + low < there < here + high:
            yield Problem(
                f"{rule.b} is at {there}, strictly between {here + low} and {here + high}",
                f"blocks {rule.a} and {rule.b}",
                "this distance is not safe for the kernel that reads one and writes the other",
            )


def _claims(problem: ArenaProblem, plan: ArenaPlan) -> Iterator[Problem]:
    """Check what the plan says about itself."""
    ends = [
        plan.offsets[block.name] + block.size
        for block in problem.blocks
        if block.name in plan.offsets
    ]
    needed = max(ends, default=0)
    if not needed <= plan.size < needed + problem.alignment:
        yield Problem(f"the arena size {plan.size} does not follow from the last byte {needed}")
    if plan.size % problem.alignment:
        yield Problem(f"the arena size {plan.size} is not a multiple of {problem.alignment}")
    if not 0 <= plan.lower_bound <= plan.size:
        yield Problem(f"the lower bound {plan.lower_bound} is not within the size {plan.size}")
    if plan.proved != (plan.lower_bound == plan.size):
        yield Problem(
            f"proved is {plan.proved} with size {plan.size} and lower bound {plan.lower_bound}"
        )
    alive = {
        b.name
        for b in problem.blocks
        if any(first <= plan.peak_step <= last for first, last in b.lives)
    }
    if alive != set(plan.peak_blocks):
        yield Problem(f"the peak blocks are not those alive in step {plan.peak_step}")

"""Offsets for all blocks in one arena, as small as possible and proved where possible.

The steps, each taken only if the one before left a gap to the lower bound:

1. the bound: the step that needs the most bytes on its own (bound.py);
2. first fit in several orders (search.py);
3. what always fits below the bound is set aside, the rest falls into independent groups;
4. in each group a hill climb (search.py), then branch and bound (exact.py), then, if asked for
   and installed, CP-SAT (cpsat.py).

Nothing depends on time or on the machine: the same problem gives the same plan.
"""

from __future__ import annotations

from dataclasses import replace

from edgegen.plan import cpsat
from edgegen.plan.blocks import ArenaPlan, ArenaProblem
from edgegen.plan.bound import lower_bound
from edgegen.plan.exact import NODE_LIMIT, Budget, Outcome, close_gap
from edgegen.plan.instance import Instance, build_instance
from edgegen.plan.search import CLIMB_WORK, best_greedy, hill_climb, lowest_offset


def plan_arena(
    problem: ArenaProblem, *, node_limit: int = NODE_LIMIT, use_cp_sat: bool = False
) -> ArenaPlan:
    """Place all blocks.

    Args:
        problem: the blocks and how close they may come.
        node_limit: nodes that branch and bound may visit in all; 0 leaves it out.
        use_cp_sat: let OR-tools CP-SAT, if installed, finish what branch and bound could not.

    Returns:
        A valid plan. If it is not proved optimal, `size - lower_bound` bytes is the most that a
        better one could save.
    """
    instance = build_instance(problem)
    bound = lower_bound(instance)
    name, _, offsets = best_greedy(instance, bound.units)
    method = f"first fit ({name})"
    lower = bound.units
    if instance.span(offsets) > lower:
        outcome, method = _improve(
            instance, Outcome(offsets, lower), method, Budget(nodes=node_limit), use_cp_sat
        )
        offsets, lower = outcome.offsets, outcome.lower
    span = instance.span(offsets)
    return ArenaPlan(
        offsets={
            block.name: offset * instance.unit
            for block, offset in zip(problem.blocks, offsets, strict=True)
        },
        size=span * instance.unit,
        lower_bound=lower * instance.unit,
        peak_step=bound.step,
        proved=span == lower,
        method=method,
        peak_blocks=tuple(problem.blocks[i].name for i in bound.live),
    )


def _improve(
    instance: Instance, start: Outcome, method: str, budget: Budget, use_cp_sat: bool
) -> tuple[Outcome, str]:
    """Search for something better than first fit, group by group."""
    lower = start.lower
    core, aside = instance.peel(lower)
    offsets = [-1] * len(instance.sizes)
    lowers = [lower]
    methods = [method]
    for group in instance.components(core):
        alone = instance.restrict(group)
        climb = CLIMB_WORK * len(group) // len(core)
        outcome, used = _solve_group(alone, lower, climb, budget, use_cp_sat)
        methods.append(used)
        lowers.append(outcome.lower)
        for block, offset in zip(group, outcome.offsets, strict=True):
            offsets[block] = offset
    for block in reversed(aside):
        offsets[block] = lowest_offset(instance, block, offsets)
    # Each group is part of the whole, so the highest of their bounds holds for the whole.
    found = Outcome(offsets, max(lowers))
    if instance.span(offsets) < instance.span(start.offsets):
        return found, max(methods, key=_rank)
    proved = instance.span(start.offsets) == found.lower
    return replace(start, lower=found.lower), max(methods, key=_rank) if proved else method


_METHODS = ("first fit", "hill climb", "branch and bound", "CP-SAT")
"""From the cheapest to the dearest; the plan names the dearest that it took."""


def _rank(method: str) -> int:
    return next(k for k, name in enumerate(_METHODS) if method.startswith(name))


def _solve_group(
    instance: Instance, lower: int, climb: int, budget: Budget, use_cp_sat: bool
) -> tuple[Outcome, str]:
    """Place one group; `lower` is the bound of the whole, below which there is nothing to gain."""
    name, order, offsets = best_greedy(instance, lower)
    method = f"first fit ({name})"
    if instance.span(offsets) > lower:
        climbed = hill_climb(instance, order, lower, climb)
        if instance.span(climbed) < instance.span(offsets):
            offsets, method = climbed, "hill climb"
    outcome = Outcome(offsets, lower)
    if instance.span(offsets) > outcome.lower:
        outcome = close_gap(instance, offsets, lower, budget)
        if outcome.offsets != offsets or instance.span(outcome.offsets) == outcome.lower:
            method = "branch and bound"
    if use_cp_sat and instance.span(outcome.offsets) > outcome.lower and cpsat.available():
        outcome = cpsat.solve(instance, outcome.offsets, outcome.lower)
        method = "CP-SAT"
    return outcome, method

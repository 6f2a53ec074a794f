"""Offsets for all blocks in one arena, as small as possible and proved where possible.

The steps, each taken only if the one before left a gap to the lower bound:

1. the bound: the step that needs the most bytes on its own (bound.py);
2. first fit in several orders (search.py);
3. what always fits below the bound is set aside, the rest falls into independent groups;
4. in each group a little branch and bound (exact.py), then a hill climb (search.py), then more
   branch and bound, then, if asked for and installed, CP-SAT (cpsat.py).

Nothing depends on time or on the machine: the same problem gives the same plan.
"""

from __future__ import annotations

from dataclasses import replace

from edgegen.plan import cpsat
from edgegen.plan.blocks import ArenaPlan, ArenaProblem
from edgegen.plan.bound import lower_bound
from edgegen.plan.exact import NODE_LIMIT, Budget, Outcome, close_gap
from edgegen.plan.instance import Instance, build_instance
from edgegen.plan.search import CLIMB_WORK, greedy, hill_climb, lowest_offset

QUICK_NODES = 200
QUICK_WORK = 60_000_000
"""What branch and bound may spend on a group before the hill climb: enough for most groups."""

CLIMB_STARTS = 3
"""Greedy orders to climb from: climbs from one order get stuck more often than from several."""


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
    start = greedy(instance, bound.units)[0]
    outcome, method = Outcome(start.offsets, bound.units), f"first fit ({start.name})"
    if start.span > bound.units:
        outcome, method = _improve(instance, outcome, method, Budget(node_limit), use_cp_sat)
    span = instance.span(outcome.offsets)
    return ArenaPlan(
        offsets={
            block.name: offset * instance.unit
            for block, offset in zip(problem.blocks, outcome.offsets, strict=True)
        },
        size=span * instance.unit,
        lower_bound=outcome.lower * instance.unit,
        peak_step=bound.step,
        proved=span == outcome.lower,
        method=method,
        peak_blocks=tuple(problem.blocks[i].name for i in bound.live),
    )


def first_fit(problem: ArenaProblem) -> int:
    """Arena bytes by first fit alone: an estimate that is quick, and often exact."""
    instance = build_instance(problem)
    return greedy(instance, 0)[0].span * instance.unit


def _improve(
    instance: Instance, start: Outcome, method: str, budget: Budget, use_cp_sat: bool
) -> tuple[Outcome, str]:
    """Search for something better than first fit, group by group."""
    core, aside = instance.peel(start.lower)
    offsets = [-1] * len(instance.sizes)
    lower = start.lower
    used = ["first fit (easy blocks last)"]
    for group in instance.components(core):
        alone = instance.restrict(group)
        climb = CLIMB_WORK * len(group) // len(core)
        outcome, group_method = _solve_group(alone, start.lower, climb, budget, use_cp_sat)
        used.append(group_method)
        # A group is a part of the whole, so its bound holds for the whole.
        lower = max(lower, outcome.lower)
        for block, offset in zip(group, outcome.offsets, strict=True):
            offsets[block] = offset
    for block in reversed(aside):
        offsets[block] = lowest_offset(instance, block, offsets)
    before, after = instance.span(start.offsets), instance.span(offsets)
    if before < after or before == after > lower:
        return replace(start, lower=lower), method
    return Outcome(offsets, lower), max(used, key=_rank)


_METHODS = ("first fit", "hill climb", "branch and bound", "CP-SAT")
"""From the cheapest to the dearest; a plan names the dearest that gave it an offset or a proof."""


def _rank(method: str) -> int:
    return next(k for k, name in enumerate(_METHODS) if method.startswith(name))


def _solve_group(
    instance: Instance, lower: int, climb: int, budget: Budget, use_cp_sat: bool
) -> tuple[Outcome, str]:
    """Place one group; `lower` is the bound of the whole, below which there is nothing to gain."""
    starts = greedy(instance, lower)
    best, method = starts[0].offsets, f"first fit ({starts[0].name})"
    if starts[0].span > lower:
        quick = budget.share(QUICK_NODES, QUICK_WORK)
        outcome = close_gap(instance, best, lower, quick)
        budget.give_back(quick)
        method = _credit(instance, best, outcome, method, "branch and bound")
        best, lower = outcome.offsets, outcome.lower
    if instance.span(best) > lower:
        climbed = hill_climb(instance, starts[:CLIMB_STARTS], lower, climb)
        if instance.span(climbed) < instance.span(best):
            best, method = climbed, "hill climb"
    outcome = Outcome(best, lower)
    if instance.span(best) > lower:
        outcome = close_gap(instance, best, lower, budget)
        method = _credit(instance, best, outcome, method, "branch and bound")
    if use_cp_sat and instance.span(outcome.offsets) > outcome.lower and cpsat.available():
        before = outcome.offsets
        outcome = cpsat.solve(instance, before, outcome.lower)
        method = _credit(instance, before, outcome, method, "CP-SAT")
    return outcome, method


def _credit(
    instance: Instance, before: list[int], outcome: Outcome, method: str, search: str
) -> str:
    """Name the search if it improved or proved the placement, else the method before it."""
    span = instance.span(outcome.offsets)
    return search if span < instance.span(before) or span == outcome.lower else method

"""OR-tools CP-SAT as a last resort: optional, and exact where the own search gives up."""

from __future__ import annotations

import importlib
import importlib.util
import math

from edgegen.plan.exact import Outcome
from edgegen.plan.instance import Instance

TIME_LIMIT = 10.0
"""CP-SAT's deterministic time, a few seconds each; it counts work, so that results repeat."""


def available() -> bool:
    """Tell whether OR-tools is installed (the extra `edgegen[optimal]`)."""
    return importlib.util.find_spec("ortools") is not None


def solve(instance: Instance, offsets: list[int], lower: int, limit: float = TIME_LIMIT) -> Outcome:
    """Improve a placement with CP-SAT until it is proved best or the limit is reached.

    Args:
        instance: the blocks.
        offsets: a valid placement, in units.
        lower: units that no placement is known to go below.
        limit: deterministic time to spend.

    Returns:
        The best placement and bound found. Without OR-tools, what was given.
    """
    upper = instance.span(offsets)
    if upper <= lower or not available():
        return Outcome(offsets, lower)
    cp_model = importlib.import_module("ortools.sat.python.cp_model")
    model = cp_model.CpModel()
    arena = model.new_int_var(lower, upper, "arena")
    places = [
        model.new_int_var(0, upper - size, f"offset{i}") for i, size in enumerate(instance.sizes)
    ]
    for i, size in enumerate(instance.sizes):
        model.add(places[i] + size <= arena)
        model.add_hint(places[i], offsets[i])
    for (i, j), gaps in instance.gaps.items():
        difference = places[j] - places[i]
        least = [None, *(high for _, high in gaps)]
        most = [*(low for low, _ in gaps), None]
        ways = [model.new_bool_var(f"way{k}_{i}_{j}") for k in range(len(least))]
        model.add_exactly_one(ways)
        for way, low, high in zip(ways, least, most, strict=True):
            if low is not None:
                model.add(difference >= low).only_enforce_if(way)
            if high is not None:
                model.add(difference <= high).only_enforce_if(way)
    model.minimize(arena)
    solver = cp_model.CpSolver()
    # Presolve of OR-tools 9.15 can lose the optimum: with the difference in a domain with holes
    # in place of the ways above, it proves wrong answers. It gains no time here either.
    solver.parameters.cp_model_presolve = False
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = limit
    status = solver.solve(model)
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        found = [int(solver.value(place)) for place in places]
        if instance.span(found) < upper:
            offsets = found
    if status == cp_model.OPTIMAL:
        return Outcome(offsets, instance.span(offsets))
    # Rounded down: the bound is a float and may not be above the truth.
    bound = math.floor(solver.best_objective_bound)
    return Outcome(offsets, min(max(lower, bound), instance.span(offsets)))

"""The optimum by OR-tools CP-SAT, from the definition of the problem and in bytes."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

from edgegen.plan.blocks import ArenaProblem


def _cp_model() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("ortools.sat.python.cp_model")


def smallest_arena(problem: ArenaProblem) -> int:
    """Return the smallest arena in bytes; fails if CP-SAT cannot prove it."""
    cp_model = _cp_model()
    align = problem.alignment
    # Far enough apart, every distance is allowed.
    reach = max((abs(e) for r in problem.relations for i in r.forbidden for e in i), default=0)
    room = sum(block.size + align + reach for block in problem.blocks) + align
    model = cp_model.CpModel()
    words = {b.name: model.new_int_var(0, room // align, b.name) for b in problem.blocks}
    arena = model.new_int_var(0, room // align, "arena")
    rules = {(r.a, r.b): r.forbidden for r in problem.relations}
    for block in problem.blocks:
        model.add(words[block.name] * align + block.size <= arena * align)
    for j, b in enumerate(problem.blocks):
        for a in problem.blocks[:j]:
            default = ((-b.size, a.size),) if a.alive_with(b) and a.size and b.size else ()
            if (b.name, a.name) in rules:
                first, second, forbidden = b, a, rules[b.name, a.name]
            else:
                first, second, forbidden = a, b, rules.get((a.name, b.name), default)
            domain = cp_model.Domain(-room, room)
            for low, high in forbidden:
                if high - low > 1:
                    bad = cp_model.Domain(low + 1, high - 1)
                    domain = domain.intersection_with(bad.complement())
            difference = (words[second.name] - words[first.name]) * align
            model.add_linear_expression_in_domain(difference, domain)
    model.minimize(arena)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = 20.0
    assert solver.solve(model) == cp_model.OPTIMAL
    return int(solver.objective_value) * align

"""The optimum by OR-tools CP-SAT, from the definition of the problem and in bytes."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

from edgegen.plan.blocks import ArenaProblem, Block


def _cp_model() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("ortools.sat.python.cp_model")


def smallest_arena(problem: ArenaProblem, at_most: int) -> int:
    """Find the smallest arena.

    Args:
        problem: the blocks, and how close they may come.
        at_most: bytes of an arena that is known to be possible.

    Returns:
        Bytes; fails if CP-SAT cannot prove them.
    """
    cp_model = _cp_model()
    align = problem.alignment
    model = cp_model.CpModel()
    words = {b.name: model.new_int_var(0, at_most // align, b.name) for b in problem.blocks}
    arena = model.new_int_var(0, at_most // align, "arena")
    for block in problem.blocks:
        model.add(words[block.name] * align + block.size <= arena * align)
    for rule in problem.relations:
        difference = (words[rule.b] - words[rule.a]) * align
        for low, high in rule.forbidden:
            if high - low > 1:
                below = model.new_bool_var("below")
                model.add(difference <= low).only_enforce_if(below)
                model.add(difference >= high).only_enforce_if(~below)
    related = {frozenset((rule.a, rule.b)) for rule in problem.relations}
    filled = [b for b in problem.blocks if b.size]
    ranges = {
        b.name: model.new_fixed_size_interval_var(words[b.name], -(-b.size // align), b.name)
        for b in filled
    }
    for j, b in enumerate(filled):
        for a in filled[:j]:
            if a.alive_with(b) and frozenset((a.name, b.name)) not in related:
                model.add_no_overlap([ranges[a.name], ranges[b.name]])
    # Follows from the pairs, but without it proofs take minutes.
    for step in {b.first for b in filled}:
        alive = [b for b in filled if b.first <= step <= b.last]
        alive.sort(key=lambda b: sum(b.name in pair for pair in related))
        apart: list[Block] = []
        for block in alive:
            if all(frozenset((block.name, other.name)) not in related for other in apart):
                apart.append(block)
        model.add_no_overlap([ranges[b.name] for b in apart])
        model.add(arena >= sum(-(-b.size // align) for b in apart))
    model.minimize(arena)
    solver = cp_model.CpSolver()
    # An oracle must not be wrong: OR-tools 9.15 has presolve rules that lose optima.
    solver.parameters.cp_model_presolve = False
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = 20.0
    assert solver.solve(model) == cp_model.OPTIMAL
    return int(solver.value(arena)) * align

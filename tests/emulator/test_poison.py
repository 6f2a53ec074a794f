"""Runs overwrite what the plan takes for dead, so that a plan that is wrong about it is caught."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgegen.codegen.package import pack
from edgegen.emulate.model_run import run_model
from edgegen.errors import VerificationError
from edgegen.pipeline import Compilation
from edgegen.plan.liveness import Liveness
from edgegen.plan.plan import Plan
from edgegen.target.board import load_board
from edgegen.verify.reference import evaluate
from tests.support.batch import Variant, combinations, variant
from tests.support.overlap import disjoint, tall_cases


def _three_steps() -> Variant:
    """A convolution between two changes of format."""
    case = tall_cases("conv2d")[0]
    key = next(k for k in combinations(case, "m4") if "dsp_band" in k[0])
    found = [variant("three", case, "m4", k) for k in combinations(case, "m4") if k[0] == key[0]]
    return next(one for one in disjoint(found) if len(one.compilation.program.calls) == 3)


def _run(one: Variant, plan: Plan) -> None:
    graph = one.compilation.graph
    compilation = Compilation(graph, graph, pack(plan, one.name), {})
    batches = [dict(zip(graph.inputs, vector, strict=True)) for vector in one.case.inputs()[:2]]
    expected = [evaluate(compilation.graph, batch) for batch in batches]
    run_model(compilation, load_board("nucleo_l4r5zi"), batches, expected)


def test_a_right_plan_survives() -> None:
    one = _three_steps()
    _run(one, one.compilation.plan)


@pytest.mark.parametrize("victim", [0, 1, 2])
def test_a_block_that_is_said_to_die_early_is_caught(victim: int) -> None:
    """The input, which is not even alive then, and both results, dead a step too soon."""
    one = _three_steps()
    plan = one.compilation.plan
    calls = plan.program.calls
    name = [calls[0].inputs[0], calls[0].output, calls[1].output][victim]

    if victim == 0:
        blocks = [b for b in plan.problem.blocks if b.name != name]
    else:
        blocks = [replace(b, last=b.last - 1) if b.name == name else b for b in plan.problem.blocks]
    wrong = replace(plan, problem=replace(plan.problem, blocks=tuple(blocks)))
    with pytest.raises(VerificationError):
        _run(one, wrong)


def test_all_but_the_input_is_dead_at_first() -> None:
    plan = _three_steps().compilation.plan
    first = plan.program.calls[0].inputs[0]
    assert first is not None
    offset, size = plan.offset(first), plan.program.buffers[first].size
    held = set(range(plan.arena.size))
    for begin, end in Liveness(plan).dead(0):
        held -= set(range(begin, end))
    assert held == set(range(offset, offset + size))

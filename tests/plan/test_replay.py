"""The replay of a plan finds what kernels would overwrite too early."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from edgegen.errors import InternalError
from edgegen.kernels.program import Program
from edgegen.pipeline import Options, compile_model
from edgegen.plan.arena import plan_arena
from edgegen.plan.blocks import ArenaPlan, ArenaProblem
from edgegen.plan.check import check_plan
from edgegen.plan.plan import ALIGNMENT
from edgegen.plan.replay import check_replay, require_sound
from edgegen.plan.timeline import arena_problem
from edgegen.target.cores import CORES
from tests.support.overlap import disjoint, overlapping, picked

NETWORKS = Path(__file__).parents[1] / "networks" / "int8"


@pytest.mark.parametrize("core", ["m0+", "m4"])
def test_declared_distances_stand_and_nearer_ones_fall(core: str) -> None:
    """The distances come from `forward_distance`, the verdict from the replay."""
    fallen = 0
    for pair in overlapping(picked(core, 1)):
        safe = pair.safe.compilation
        assert check_replay(safe.program, safe.plan.offsets) == [], pair.safe.label
        if pair.wrong is not None:
            wrong = pair.wrong.compilation
            assert check_replay(wrong.program, wrong.plan.offsets), pair.wrong.label
            fallen += 1
    assert fallen > 20


def _moved(offsets: Mapping[str, int], dice: random.Random) -> dict[str, int]:
    """The offsets with one block moved by a few words."""
    name = dice.choice(sorted(offsets))
    shift = ALIGNMENT * dice.choice([-16, -3, -2, -1, 1, 2, 3, 16])
    return {**offsets, name: max(offsets[name] + shift, 0)}


def test_what_the_checker_lets_pass_the_replay_does_too() -> None:
    """Moved blocks: the checker knows safe distances only, the replay every byte."""
    dice = random.Random(4)
    passed = caught = 0
    for one in picked("m4", 1)[:40]:
        program = one.compilation.program
        problem = arena_problem(program, ALIGNMENT)
        plan = plan_arena(problem)
        for _ in range(12):
            offsets = _moved(plan.offsets, dice)
            if not _violations(problem, plan, offsets):
                passed += 1
                assert check_replay(program, offsets) == []
            else:
                caught += bool(check_replay(program, offsets))
    assert passed > 50
    assert caught > 50


def _violations(problem: ArenaProblem, plan: ArenaPlan, offsets: Mapping[str, int]) -> list[str]:
    size = max(offsets[b.name] + b.size for b in problem.blocks)
    moved = replace(plan, offsets=offsets, size=-(-size // ALIGNMENT) * ALIGNMENT)
    found = [p.what for p in check_plan(problem, moved)]
    return [what for what in found if "share" in what or "strictly between" in what]


def _program() -> tuple[Program, dict[str, int]]:
    one = next(v for v in disjoint(picked("m4", 1)) if v.label.startswith("conv2d/dsp_winograd"))
    return one.compilation.program, dict(one.compilation.plan.offsets)


def test_scratch_must_not_lie_on_the_output() -> None:
    program, offsets = _program()
    index = next(i for i, c in enumerate(program.calls) if c.scratch_bytes)
    offsets[f"scratch of layer {index}"] = offsets[program.calls[index].output]
    with pytest.raises(InternalError, match="overlaps its output"):
        require_sound(program, offsets)


def test_an_input_must_survive_the_layers_before_its_reader() -> None:
    one = next(v for v in disjoint(picked("m4", 1)) if v.label == "add/dsp hwc u8")
    program, offsets = one.compilation.program, dict(one.compilation.plan.offsets)
    left, right = program.graph.inputs
    offsets[program.calls[0].output] = offsets[right]
    (problem,) = check_replay(program, offsets)
    assert problem.what == f"{right} is overwritten"
    assert left != right


@pytest.mark.parametrize("core", ["m0+", "m4"])
@pytest.mark.parametrize("name", ["cnn1d", "digits", "small"])
def test_networks_that_run_by_rows_are_sound(name: str, core: str) -> None:
    blob = (NETWORKS / f"{name}_int8.tflite").read_bytes()
    compiled = compile_model(blob, name, CORES[core], Options(optimize="ram"))
    assert check_replay(compiled.program, compiled.plan.offsets) == []


def test_rings_that_are_too_small_are_caught() -> None:
    blob = (NETWORKS / "small_int8.tflite").read_bytes()
    program = compile_model(blob, "small", CORES["m0+"], Options(optimize="ram")).program
    # A pair that shares its place is as large as both need together.
    shared = {name for pair in program.shared for name in pair}
    rings = [b for b in program.buffers.values() if (b.ring or 0) > 1 and b.name not in shared]
    assert rings
    for buffer in rings:
        assert buffer.ring is not None
        smaller = replace(buffer, ring=buffer.ring - 1)
        wrong = replace(program, buffers={**program.buffers, buffer.name: smaller})
        problem = arena_problem(wrong, ALIGNMENT, overlap=False)
        assert check_replay(wrong, plan_arena(problem).offsets), buffer.name

"""The memory map against the plan it shows, byte by byte."""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgegen.cli import main
from edgegen.pipeline import Compilation, Options, compile_model
from edgegen.plan.blocks import ArenaPlan, ArenaProblem, Block
from edgegen.plan.plan import Plan
from edgegen.report.memory_map import Kind, MemoryMap, map_report, memory_map
from edgegen.target.board import load_board
from tests.report.maps import streamed, tiny
from tests.support.models import DEMO_MODEL
from tests.support.small import small_model


@functools.cache
def compiled(optimize: str) -> Compilation:
    core = load_board("nrf52840").core
    return compile_model(DEMO_MODEL.read_bytes(), "demo", core, Options(optimize=optimize))


def maps() -> list[MemoryMap]:
    plans = [memory_map(compiled(level).plan, level) for level in ("size", "balanced")]
    return [*plans, tiny(), streamed()]


@pytest.mark.parametrize("level", ["size", "balanced"])
def test_blocks_are_those_of_the_plan(level: str) -> None:
    plan = compiled(level).plan
    shown = memory_map(plan, "demo")
    assert {(b.name, b.offset, b.size, b.lives) for b in shown.blocks} == {
        (b.name, plan.arena.offsets[b.name], b.size, b.lives) for b in plan.problem.blocks if b.size
    }
    assert (shown.size, shown.peak_step) == (plan.arena.size, plan.arena.peak_step)
    assert [u.first for u in shown.units] == list(range(len(plan.program.calls)))
    kinds = [b.content.kind for b in shown.blocks]
    assert kinds.count(Kind.INPUT) == kinds.count(Kind.OUTPUT) == 1
    assert kinds[0] is Kind.INPUT
    assert kinds.count(Kind.SCRATCH) == sum(c.scratch_bytes > 0 for c in plan.program.calls)
    for block in shown.blocks:
        for reader in block.content.readers:
            inputs = plan.program.calls[reader].inputs
            assert block.content.kind is Kind.SCRATCH or block.name in inputs


def test_overlap_is_in_the_plan_at_all() -> None:
    shown = memory_map(compiled("size").plan, "demo")
    assert len(shown.shared) >= 4


@pytest.mark.parametrize("shown", maps(), ids=lambda m: m.name)
def test_occupied_and_shared_bytes_by_brute_force(shown: MemoryMap) -> None:
    last = shown.units[-1].last
    common: dict[tuple[str, str], set[tuple[int, int]]] = {}
    for step in range(last + 1):
        owners: dict[int, list[str]] = {}
        for block in shown.blocks:
            if block.alive_at(step):
                for byte in range(block.offset, block.end):
                    owners.setdefault(byte, []).append(block.name)
        assert shown.occupied(step) == len(owners)
        for byte, names in owners.items():
            for i, a in enumerate(names):
                for b in names[i + 1 :]:
                    common.setdefault((a, b), set()).add((step, byte))
    found = {
        shared.names: {
            (step, byte)
            for first, end in shared.steps
            for step in range(first, end + 1)
            for byte in range(shared.offset, shared.offset + shared.size)
        }
        for shared in shown.shared
    }
    assert found == common


def test_the_fullest_step_is_the_peak_where_it_is_in_reach() -> None:
    shown = streamed()
    assert shown.fullest(0, 23) == 7
    assert shown.fullest(8, 11) == 9
    assert shown.fullest(24, 24) == 24
    assert shown.peak_title == "1 MEAN"


def test_an_unknown_block_is_shown_under_its_name() -> None:
    plan = compiled("size").plan
    block = Block("copy of weights 3", 40, 2, 3)
    arena = dataclasses.replace(
        plan.arena, offsets={**plan.arena.offsets, block.name: plan.arena.size}
    )
    assert isinstance(arena, ArenaPlan)
    problem = ArenaProblem((*plan.problem.blocks, block), plan.problem.relations)
    shown = memory_map(Plan(plan.program, problem, arena), "demo")
    (found,) = [b for b in shown.blocks if b.name == block.name]
    assert (found.content.kind, found.title, found.size) == (Kind.OTHER, block.name, 40)


def test_report_json_has_the_map(tmp_path: Path) -> None:
    out = tmp_path / "lib"
    arguments = ["build", str(small_model(tmp_path)), "-b", "pico", "-o", str(out)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    arena = json.loads((out / "report.json").read_text())["arena"]
    peak = [b for b in arena["blocks"] if any(a <= arena["peak_step"] <= z for a, z in b["lives"])]
    assert {b["name"] for b in peak} == {b["name"] for b in arena["peak_buffers"]}
    assert max(b["offset"] + b["bytes"] for b in arena["blocks"]) <= arena["bytes"]
    assert max(s["bytes"] for s in arena["steps"]) <= arena["bytes"]
    assert {b["kind"] for b in arena["blocks"]} >= {"input", "output"}
    names = {b["name"] for b in arena["blocks"]}
    assert all(set(pair["blocks"]) <= names for pair in arena["shared"])


def test_map_report_is_plain_data() -> None:
    report = map_report(tiny())
    assert json.loads(json.dumps(report)) == report
    assert report["shared"] == [
        {"blocks": ["mid", "on"], "offset": 40, "bytes": 40, "steps": [[1, 1]]}
    ]
    assert report["steps"][1] == {"first": 1, "last": 1, "layers": [1], "bytes": 70}

"""The search for streams: bounds are below every plan, and planning less changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgegen.ir import Graph
from edgegen.kernels.program import Program, program_text
from edgegen.pipeline import Options, load_model, prepared_graph
from edgegen.plan.arena import plan_arena
from edgegen.plan.plan import ALIGNMENT
from edgegen.plan.stream_bound import StreamBound, stream_bound
from edgegen.plan.timeline import arena_problem
from edgegen.target import paths, stream_ram
from edgegen.target.budget import select_within
from edgegen.target.cores import CORES
from tests.support.models import DEMO_MODEL

MOBILENET = Path(__file__).parents[1] / "networks" / "mobilenet_v2_qdq_channel_int8.onnx"
CASES = [
    pytest.param(DEMO_MODEL, "m4", 3_400, id="keywords-m4"),
    pytest.param(DEMO_MODEL, "m4", 2_800, id="keywords-m4-tight"),
    pytest.param(DEMO_MODEL, "m0+", 3_000, id="keywords-m0+"),
    pytest.param(DEMO_MODEL, "m3", 1_000, id="keywords-m3-too-little"),
    pytest.param(MOBILENET, "m0+", 5_300, id="mobilenet-m0+"),
]


def _graph(model: Path) -> Graph:
    return prepared_graph(load_model(model), "m", Options())


@pytest.mark.parametrize(("model", "core", "ram"), CASES)
def test_bound_is_below_every_plan(
    model: Path, core: str, ram: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []

    def bound(program: Program) -> StreamBound:
        found = stream_bound(program)
        scratch = {c.output: c.scratch_bytes + c.state_bytes for c in program.calls}
        # The best offsets that branch and bound finds, not those of first fit.
        size = plan_arena(arena_problem(program, ALIGNMENT), node_limit=2_000).size
        compared.append((found.with_scratch(scratch), size))
        return found

    monkeypatch.setattr(stream_ram, "stream_bound", bound)
    select_within(_graph(model), CORES[core], "balanced", None, ram)
    assert compared
    assert all(least <= size for least, size in compared)
    assert max(least / size for least, size in compared) > 0.9, "a bound that says nothing"


@pytest.mark.parametrize(("model", "core", "ram"), CASES)
def test_planning_only_what_decides_leads_to_the_same_program(
    model: Path, core: str, ram: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = _graph(model)
    hasty = select_within(graph, CORES[core], "balanced", None, ram)
    monkeypatch.setattr(paths, "HASTY_ROUNDS", 0)
    everything = select_within(graph, CORES[core], "balanced", None, ram)
    assert hasty.streams
    assert program_text(hasty) == program_text(everything)

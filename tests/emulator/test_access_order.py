"""Orders of memory accesses: what kernels declare against what their machine code does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgegen.emulate.native import load_access_log
from edgegen.target.board import Board, load_board
from tests.support.access import Step, Touch, broken_rows, record, record_steps
from tests.support.batch import Variant, run_emulated
from tests.support.overlap import Pair, declared, disjoint, overlapping, picked, right

FULL = bool(os.environ.get("EDGEGEN_FULL"))
BOARDS = {"m0+": "rp2040", "m3": "mps2_an385", "m4": "nucleo_l4r5zi"}
LOOSE = 16
"""Bytes that declared distances may cost beyond those that the accesses demand."""
LOOSE_ROWS = ("depthwise_conv2d/dsp_planes",)
"""Kernels whose rows are promised as a whole: reads and writes of one mix."""


@pytest.mark.parametrize("core", list(BOARDS))
def test_declared_orders_are_those_of_the_machine_code(core: str, tmp_path: Path) -> None:
    if load_access_log() is None:
        pytest.skip("no host C compiler (cc) to build the log of accesses with")
    group = disjoint(picked(core, None if FULL else 2))
    board = load_board(BOARDS[core])
    wrong = []
    for start in range(0, len(group), 60):
        folder = tmp_path / str(start)
        folder.mkdir()
        for touch in record(group[start : start + 60], board, folder):
            wrong += [f"{touch.label}: {problem}" for problem in _problems(touch)]
    assert wrong == []


def _problems(touch: Touch) -> list[str]:
    sizes = (len(touch.last_read), len(touch.first_write))
    promised, true = declared(touch.call, touch.name, sizes), touch.distances
    if promised is None:
        return []
    found = []
    broken = touch.broken_promises()
    if len(broken):
        found.append(f"bytes {broken[:4].tolist()} are read after writes declared as later")
    loose = promised.cover - true.cover
    if loose > LOOSE and not touch.call.kernel.path.startswith(LOOSE_ROWS):
        found.append(f"it needs {promised.cover} bytes where {true.cover} would do")
    if promised.cover < true.cover:
        found.append(f"it takes {promised.cover} bytes, {true.cover} are needed")
    return found


@pytest.mark.parametrize("core", list(BOARDS))
def test_rows_keep_to_their_groups_and_places(core: str, tmp_path: Path) -> None:
    if load_access_log() is None:
        pytest.skip("no host C compiler (cc) to build the log of accesses with")
    group = disjoint(picked(core, None if FULL else 2, rows=True))
    steps: dict[str, list[Step]] = {}
    for start in range(0, len(group), 60):
        folder = tmp_path / str(start)
        folder.mkdir()
        for step in record_steps(group[start : start + 60], load_board(BOARDS[core]), folder):
            steps.setdefault(step.variant.name, []).append(step)
    wrong = [
        f"{one.case.id} {one.label}: {what}"
        for one in group
        for what in broken_rows(steps[one.name])
    ]
    assert wrong == []


def test_too_large_a_group_is_noticed(tmp_path: Path) -> None:
    """Rows of a kernel of small groups, as if each were read before any of it is written."""
    one = next(v for v in disjoint(picked("m4", 1, rows=True)) if _group(v) in (1, 2))
    steps = record_steps([one], load_board(BOARDS["m4"]), tmp_path)
    assert broken_rows(steps) == []
    compiled = one.compilation
    program = compiled.program
    calls = tuple(
        replace(call, rows=replace(call.rows, group_pixels=1000)) if call.rows else call
        for call in program.calls
    )
    plan = replace(compiled.plan, program=replace(program, calls=calls))
    lying = replace(
        one, compilation=replace(compiled, package=replace(compiled.package, plan=plan))
    )
    assert broken_rows([replace(step, variant=lying) for step in steps])


def _group(one: Variant) -> int | None:
    """Pixels that a variant's row kernel writes together."""
    found = (call.rows for call in one.compilation.program.calls)
    return next(rows.group_pixels for rows in found if rows is not None)


@pytest.mark.parametrize("core", list(BOARDS))
def test_results_stand_where_buffers_overlap(core: str, tmp_path: Path) -> None:
    """Machine code at the declared distances; four bytes nearer, results are wrong."""
    pairs = list(overlapping(picked(core, None if FULL else 1)))
    board = load_board(BOARDS[core])
    wrong: dict[str, list[bool]] = {}
    for pair, safe, also in _run_pairs(pairs, board, tmp_path):
        assert safe, f"{pair.safe.case.id} [{pair.safe.label}] fails at its declared distance"
        if pair.wrong is not None and not pair.safe.label.startswith(LOOSE_ROWS):
            wrong.setdefault(pair.safe.label, []).append(not also)
    # A byte that is overwritten too early may have had the new value, or no weight.
    assert [label for label, found in wrong.items() if not any(found)] == []
    assert len(wrong) >= {"m0+": 36, "m3": 6, "m4": 36}[core]


def _run_pairs(pairs: list[Pair], board: Board, folder: Path) -> Iterator[tuple[Pair, bool, bool]]:
    """For each pair whether its safe and its wrong variant give the expected outputs."""
    for start in range(0, len(pairs), 30):
        part = pairs[start : start + 30]
        group = [v for p in part for v in (p.safe, p.wrong) if v is not None]
        here = folder / str(start)
        here.mkdir()
        outputs = dict(zip((v.name for v in group), run_emulated(group, board, here), strict=True))
        for pair in part:
            also = pair.wrong is not None and right(pair.wrong, outputs[pair.wrong.name])
            yield pair, right(pair.safe, outputs[pair.safe.name]), also

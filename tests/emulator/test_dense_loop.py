"""The dense layer for boards with slow flash, which the cores by themselves never ask for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgegen.target.board import load_board
from edgegen.target.cores import CORES
from tests.support import batch
from tests.support.batch import Variant, failures, run_emulated, run_on_host, variants

SMALL_CACHE = 896
"""Code bytes that a loop should not exceed, as the STM32L4's cache has it."""


@pytest.fixture(name="group")
def _group(monkeypatch: pytest.MonkeyPatch) -> list[Variant]:
    # A name of its own: what a core has for a case is remembered by the core's name.
    slow = {"m4_slow_flash": replace(CORES["m4"], loop_bytes=SMALL_CACHE)}
    monkeypatch.setattr(batch, "CORES", slow)
    found = variants("fully_connected", "m4_slow_flash", "dsp_loop")
    assert found
    return found


def test_portable_c_equals_the_oracle(group: list[Variant], tmp_path: Path) -> None:
    assert failures(group, run_on_host(group, tmp_path)) == []


@pytest.mark.parametrize("board", ["nucleo_l4r5zi", "mps2_an500", "mps2_an505"])
def test_machine_code_equals_the_oracle(group: list[Variant], board: str, tmp_path: Path) -> None:
    for start in range(0, len(group), 60):
        part = group[start : start + 60]
        folder = tmp_path / str(start)
        folder.mkdir()
        assert failures(part, run_emulated(part, load_board(board), folder)) == []

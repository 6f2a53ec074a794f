"""Every operator case, every kernel, every format: machine code on emulated cores."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgegen.target.board import load_board
from tests.support.batch import failures, run_emulated, variants
from tests.support.cases import stems

BOARDS = {
    "m0+": "rp2040",
    "m3": "mps2_an385",
    "m4": "nucleo_l4r5zi",
    "m7": "mps2_an500",
    "m33": "mps2_an505",
}

FULL = bool(os.environ.get("EDGEGEN_FULL"))
SAMPLE = {"m3": 2, "m7": 4, "m33": 4}
"""By default every so many variants: these cores share kernels with m0+ and m4, which run all."""


@pytest.mark.parametrize("core", list(BOARDS))
@pytest.mark.parametrize("stem", stems())
def test_machine_code_equals_the_oracle(stem: str, core: str, tmp_path: Path) -> None:
    board = load_board(BOARDS[core])
    group = variants(stem, core)
    assert group
    if not FULL:
        group = group[:: SAMPLE.get(core, 1)]
    wrong = []
    # As many as fit the flash of the smallest board beside each other.
    for start in range(0, len(group), 60):
        part = group[start : start + 60]
        folder = tmp_path / str(start)
        folder.mkdir()
        wrong += failures(part, run_emulated(part, board, folder))
    assert wrong == []

"""The table of docs/boards.md is what the board files say."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from edgegen.firmware.hal import hal_files
from edgegen.target.board import load_board

ROOT = Path(__file__).parents[2]


def test_page_is_current() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/boards_table.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_file_on_the_page_may_be_copied(tmp_path: Path) -> None:
    page = (ROOT / "docs/boards.md").read_text(encoding="utf-8")
    example = page.split("## The file\n\n")[1].split("\n\n`kind` of the console")[0]
    path = tmp_path / "mine.toml"
    path.write_text(textwrap.dedent(example), encoding="utf-8")
    board = load_board(str(path))
    assert board.name == "mine"
    # It has start-up code, and an image where the microcontroller looks for one.
    assert "80,000,000 Hz" in hal_files(board)["board.c"]
    assert "flash (rx) : ORIGIN = 0x08000000" in hal_files(board)["linker.ld"]

"""Builds the firmware examples for a board of every family, with PlatformIO, and prints sizes.

    python scripts/firmware_table.py [--all-boards] [--example NAME] [--board NAME]

PlatformIO gets stand-ins for its platforms (tests/support/platformio.py): no registry is asked.
What it has no board for is built as CMake's projects are. Any warning is an error. A board that is
too small, or whose compiler is not installed, is listed as such.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from edgegen.emulate.toolchain import CROSS_COMPILERS  # noqa: E402
from edgegen.errors import EdgegenError, FitError  # noqa: E402
from edgegen.firmware.image import build_image, image_sizes  # noqa: E402
from edgegen.firmware.own import read_sources  # noqa: E402
from edgegen.firmware.project import write_projects  # noqa: E402
from edgegen.pipeline import Compilation, Options, compile_model, load_model, render  # noqa: E402
from edgegen.report.tables import new_table  # noqa: E402
from edgegen.target.board import Board, list_boards, load_board  # noqa: E402
from tests.support.platformio import make_core, missing, pio  # noqa: E402

EXAMPLES = ROOT / "firmware_examples"
COMMON = EXAMPLES / "common"


@dataclass(frozen=True)
class Row:
    """A line of the table; `outcome` instead of sizes where there is no image."""

    example: str
    board: Board
    tool: str
    flash: int = 0
    ram: int = 0
    outcome: str = "ok"


def examples() -> list[str]:
    """The names of the examples: folders with a model and a firmware."""
    folders = (p for p in sorted(EXAMPLES.iterdir()) if (p / "firmware/main.c").is_file())
    return [p.name for p in folders if (p / f"{p.name}.tflite").is_file()]


def boards(every: bool) -> list[Board]:
    """One board of each family, one that PlatformIO knows if there is any; or all of them."""
    startable = [b for b in list_boards() if b.soc and b.clock and b.console]
    if every:
        return startable
    chosen: dict[str, Board] = {}
    for board in sorted(startable, key=lambda b: b.platformio is None):
        assert board.soc is not None
        chosen.setdefault(board.soc.family, board)
    return sorted(chosen.values(), key=lambda b: b.soc.family if b.soc else "")


def build(example: str, wanted: Sequence[Board], core: Path, folder: Path) -> Iterator[Row]:
    """Builds one example for several boards."""
    own = read_sources([EXAMPLES / example / "firmware", COMMON])
    blob = load_model(EXAMPLES / example / f"{example}.tflite")
    fitting: list[tuple[Compilation, Board]] = []
    for board in wanted:
        if shutil.which(CROSS_COMPILERS[board.core.isa].gcc) is None:
            yield Row(example, board, "", outcome="no compiler")
            continue
        options = Options().within(board)
        try:
            compilation = compile_model(blob, example, options.core(board), options)
            render(compilation, board, options)
        except FitError:
            yield Row(example, board, "", outcome="does not fit")
            continue
        fitting.append((compilation, board))
    known = [(c, b) for c, b in fitting if b.platformio]
    if known:
        project = folder / "platformio"
        made = write_projects(known, "platformio", project, own=own)
        done = pio(core, ["run"], project, "-Werror")
        bad = "warning:" in (done.stdout + done.stderr).lower()
        if done.returncode or bad:
            print(done.stdout[-4000:], done.stderr[-8000:], file=sys.stderr)
        for target in made.targets:
            elf = project / ".pio/build" / target.board.name / "firmware.elf"
            if not elf.is_file() or bad:
                yield Row(example, target.board, "PlatformIO", outcome="FAILED")
                continue
            yield Row(example, target.board, "PlatformIO", *image_sizes(elf, target.board))
    for compilation, board in ((c, b) for c, b in fitting if not b.platformio):
        try:
            project = folder / board.name
            made = write_projects([(compilation, board)], "cmake", project, own=own)
            image = build_image(project, made.target.board, werror=True)
        except EdgegenError as error:
            print(error, file=sys.stderr)
            yield Row(example, board, "GCC", outcome="FAILED")
            continue
        yield Row(example, board, "GCC", image.flash, image.ram)


def main() -> int:
    """Builds all of it; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all-boards", action="store_true")
    parser.add_argument("--example", action="append", choices=examples())
    parser.add_argument("--board", action="append")
    arguments = parser.parse_args()
    lacks = missing()
    if lacks is not None:
        print(f"cannot build: {lacks}", file=sys.stderr)
        return 1
    wanted = [load_board(n) for n in arguments.board or ()] or boards(arguments.all_boards)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="edgegen-firmware-") as name:
        core = make_core(Path(name) / "core")
        for example in arguments.example or examples():
            rows += build(example, wanted, core, Path(name) / example)
    table = new_table(
        "Firmware examples, bytes; RAM with the reserve for the stack",
        *("example", "board", "family", "built with", "flash", "RAM", ""),
        left=4,
    )
    for row in rows:
        sizes = (f"{row.flash:,}", f"{row.ram:,}") if row.outcome == "ok" else ("", "")
        family = row.board.soc.family if row.board.soc else ""
        table.add_row(row.example, row.board.name, family, row.tool, *sizes, row.outcome)
    Console(width=110).print(table)
    failed = [row for row in rows if row.outcome == "FAILED"]
    print(f"{len(rows) - len(failed)} of {len(rows)} without a warning or an error")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

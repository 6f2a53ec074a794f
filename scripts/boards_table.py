"""Writes the table of docs/boards.md from boards/*.toml: `scripts/boards_table.py [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from edgegen.target.board import Board, Region, list_boards  # noqa: E402

PAGE = ROOT / "docs" / "boards.md"
TITLES = ("name", "also", "core", "MHz", "flash", "RAM", "console", "PlatformIO")
KB = 1024


def size(region: Region) -> str:
    """The usable size of a region."""
    if region.size % KB:
        return f"{region.usable_size} B"
    whole = (
        f"{region.size // KB} KB" if region.size % (KB * KB) else f"{region.size // KB // KB} MB"
    )
    if not region.reserved:
        return whole
    lost = region.reserved
    return f"{whole} less {f'{lost} B' if lost % KB else f'{lost // KB} KB'}"


def cells(board: Board) -> tuple[str, ...]:
    """A board's row."""
    by_kind = {
        kind: " + ".join(size(r) for r in board.regions if r.kind == kind and not r.external)
        for kind in ("flash", "ram")
    }
    clock, console, pio = board.clock, board.console, board.platformio
    mhz = f"{board.clock_hz / 1e6:g}"
    if clock is not None and clock.hz != board.clock_hz:
        mhz += f" ({clock.hz / 1e6:g})"
    pins = f" {console.tx}/{console.rx}" if console is not None and console.tx else ""
    return (
        f"`{board.name}`",
        ", ".join(f"`{alias}`" for alias in board.aliases),
        board.core.title.removeprefix("Arm ") + ("F" if board.has_fpu else ""),
        mhz,
        by_kind["flash"],
        by_kind["ram"],
        f"{console.uart.upper()}{pins}" if console is not None else "",
        f"`{pio.board}`" if pio is not None else "",
    )


def lines() -> Iterator[str]:
    """The table."""
    yield "| " + " | ".join(TITLES) + " |"
    yield "|" + " --- |" * len(TITLES)
    for board in list_boards():
        yield "| " + " | ".join(cells(board)) + " |"


def main() -> None:
    """Rewrites the page, or fails if it is out of date."""
    old = PAGE.read_text(encoding="utf-8")
    start = old.index(f"| {TITLES[0]} |")
    end = old.index("\n\n", start)
    new = old[:start] + "\n".join(lines()) + old[end:]
    if "--check" in sys.argv:
        if new != old:
            raise SystemExit("docs/boards.md is out of date: run scripts/boards_table.py")
    else:
        PAGE.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Writes the tables of docs/boards.md from boards/*.toml: `scripts/boards_table.py [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from edgegen.target.board import Board, Region, list_boards  # noqa: E402

PAGE = ROOT / "docs" / "boards.md"
TITLES = ("name", "also", "core", "MHz", "flash", "RAM", "console", "PlatformIO")
ENERGY_TITLES = ("board", "mA/MHz", "V", "what it is", "basis")
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


def energy_cells(board: Board) -> tuple[str, ...]:
    """A board's row in the table of currents."""
    assert board.energy is not None
    energy = board.energy
    figures = (f"{energy.ma_per_mhz:g}", f"{energy.volts:g}")
    return (f"`{board.name}`", *figures, energy.kind, energy.basis)


def table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table with these titles."""
    lines = [f"| {' | '.join(row)} |" for row in (titles, *rows)]
    return "\n".join((lines[0], "|" + " --- |" * len(titles), *lines[1:]))


def replaced(page: str, titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """The page with the table that begins with this title written anew."""
    start = page.index(f"| {titles[0]} |")
    end = page.index("\n\n", start)
    return page[:start] + table(titles, rows) + page[end:]


def main() -> None:
    """Rewrites the page, or fails if it is out of date."""
    old = PAGE.read_text(encoding="utf-8")
    boards = list_boards()
    new = replaced(old, TITLES, map(cells, boards))
    new = replaced(new, ENERGY_TITLES, (energy_cells(b) for b in boards if b.energy is not None))
    if "--check" in sys.argv:
        if new != old:
            raise SystemExit("docs/boards.md is out of date: run scripts/boards_table.py")
    else:
        PAGE.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()

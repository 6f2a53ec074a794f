"""`edgegen boards` and `edgegen boards show`: what a board file says, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console

from edgegen.report.tables import new_table
from edgegen.target.board import Board, Placement, Region

SCHEMA = 1
PICTURE_WIDTH = 36
"""Characters of the widest bar of the memory picture."""
_KB = 1024
_RENODE_UARTS = ("stm32_v1", "stm32_v2", "lpuart", "nrf_uarte")
_PARTS = ("code", "weights", "data", "arena", "stack", "ram_code")


def print_board(console: Console, board: Board) -> None:
    """Everything about one board."""
    console.print(f"[bold]{board.name}[/bold]  {board.title}", highlight=False)
    if board.aliases:
        console.print(f"also: {', '.join(board.aliases)}", markup=False)
    for label, text in _facts(board):
        console.print(f"{label:<10} {text}", markup=False)
    table = new_table("", "region", "kind", "from", "to", "usable", "holds", left=2)
    table.columns[-1].justify = "left"
    for region in board.regions:
        table.add_row(
            region.name,
            "external flash" if region.external else region.kind,
            f"{region.usable_origin:#010x}",
            f"{region.end - 1:#010x}",
            size_text(region.usable_size),
            ", ".join(_holds(board.placement, region)),
        )
    console.print(table)
    for line in picture(board):
        console.print(line, markup=False)
    console.print("\nsources:", markup=False)
    for source in board.sources:
        console.print(f"  {source.document}, {source.section}", markup=False)


def _facts(board: Board) -> Iterator[tuple[str, str]]:
    """What comes before the memory, line by line."""
    fpu = f", FPU {board.fpu}" if board.has_fpu else ""
    yield "core", f"{board.core.title}{fpu}, up to {board.clock_hz / 1e6:g} MHz"
    if board.soc is not None:
        device = f", {board.soc.device}" if board.soc.device not in ("", board.soc.family) else ""
        yield "family", f"{board.soc.family}{device}"
    if board.clock is not None:
        clock = board.clock
        crystal = f" {clock.crystal_hz / 1e6:g} MHz" if clock.crystal_hz else ""
        factors = [f"{name} {value}" for name, value in clock.pll.items()]
        factors += [f"{name} /{value}" for name, value in clock.dividers.items()]
        with_what = f": {', '.join(factors)}" if factors else ""
        yield "clock", f"{clock.hz / 1e6:g} MHz from {clock.source}{crystal}{with_what}"
    cached = [f"{c.bytes} B {c.kind} cache" for c in board.flash.caches if c.bytes]
    states = f"{board.flash.wait_states} wait states at the highest clock"
    yield "flash", ", ".join((states, *cached))
    if board.console is not None:
        uart = board.console
        pins = f", sends on {uart.tx}, receives on {uart.rx}" if uart.tx else ""
        yield "console", f"{uart.uart.upper()}{pins}, {uart.baud} baud: {uart.reaches}"
    if board.energy is not None:
        energy = board.energy
        basis = f": {energy.basis}" if energy.basis else ""
        current = f"typically {energy.ma_per_mhz:g} mA/MHz at {energy.volts:g} V"
        yield "energy", f"{current} ({energy.kind}{basis})"
    if board.platformio is not None:
        yield "PlatformIO", f"{board.platformio.platform}, board {board.platformio.board}"
    yield "emulators", ", ".join(_emulators(board)) or "none"


def _emulators(board: Board) -> Iterator[str]:
    """Those that run the board's firmware, in the order of docs/emulators.md."""
    if board.core.unicorn_model:
        yield "Unicorn"
    if board.qemu_machine:
        yield f"QEMU ({board.qemu_machine})"
    if board.soc is not None and board.soc.family == "rp2040":
        yield "rp2040js"
    if board.console is not None and board.console.kind in _RENODE_UARTS:
        yield "Renode"


def size_text(size: int) -> str:
    """Bytes in the largest unit that needs no fraction.

    >>> size_text(2 << 20), size_text(264 << 10), size_text(1000)
    ('2 MB', '264 KB', '1,000 B')
    """
    if size % _KB:
        return f"{size:,} B"
    return f"{size // _KB:,} KB" if size % (_KB * _KB) else f"{size // _KB // _KB} MB"


def _holds(place: Placement, region: Region) -> list[str]:
    """What goes to a region."""
    parts = [part for part in _PARTS if getattr(place, part) == region and part != "ram_code"]
    if region in place.arena_choices and "arena" not in parts:
        parts.append("arena, if need be")
    if place.ram_code == region:
        parts.append("code from RAM")
    return parts


def picture(board: Board) -> Iterator[str]:
    """The regions by address, highest first, with bars by size in powers of two."""
    widest = max(region.size for region in board.regions).bit_length()
    for region in sorted(board.regions, key=lambda r: -r.origin):
        width = max(1, PICTURE_WIDTH - 3 * (widest - region.size.bit_length()))
        mark = "#" if region.kind == "flash" else "="
        lost = "." * (round(width * region.reserved / region.size))
        bar = lost + mark * (width - len(lost))
        label = f"{region.name}, {size_text(region.size)}"
        yield f"{region.origin:#010x} |{bar:<{PICTURE_WIDTH}}| {label}"
    yield "# flash  = RAM  . reserved; a bar is 3 characters shorter for half the size"


def boards_report(boards: Sequence[Board]) -> dict[str, Any]:
    """Boards as plain values."""
    return {"schema": SCHEMA, "boards": [_board(board) for board in boards]}


def _board(board: Board) -> dict[str, Any]:
    clock, uart, energy, pio = board.clock, board.console, board.energy, board.platformio
    return {
        "name": board.name,
        "title": board.title,
        "aliases": list(board.aliases),
        "core": board.core.name,
        "fpu": board.fpu,
        "clock_hz": board.clock_hz,
        "start_up_hz": clock.hz if clock else None,
        "family": board.soc.family if board.soc else None,
        "device": board.soc.device if board.soc else None,
        "memory": [
            {
                "name": region.name,
                "kind": region.kind,
                "origin": region.usable_origin,
                "size": region.usable_size,
                "external": region.external,
                "holds": _holds(board.placement, region),
            }
            for region in board.regions
        ],
        "stack_bytes": board.placement.stack_bytes,
        "console": {"uart": uart.uart, "tx": uart.tx, "rx": uart.rx, "baud": uart.baud}
        if uart
        else None,
        "ma_per_mhz": energy.ma_per_mhz if energy else None,
        "energy": {
            "ma_per_mhz": energy.ma_per_mhz,
            "volts": energy.volts,
            "documented": energy.documented,
            "basis": energy.basis,
        }
        if energy
        else None,
        "platformio": {"platform": pio.platform, "board": pio.board} if pio else None,
        "qemu_machine": board.qemu_machine,
        "sources": [
            {"document": s.document, "section": s.section, "facts": s.facts} for s in board.sources
        ],
    }

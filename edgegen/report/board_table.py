"""What `edgegen verify --port` prints."""

from __future__ import annotations

from rich.console import Console

from edgegen.link.verify import BoardVerdict
from edgegen.report.tables import agreement, new_table, print_recorded


def print_board_verdict(console: Console, name: str, verdict: BoardVerdict, title: str) -> None:
    """The result, the layers' cycles and the time of an inference."""
    if verdict.layers:
        table = new_table("self-test on the board", "layer", "operator", "CRC-32", "cycles", left=3)
        # QEMU has no cycle counter: all is 0 there.
        counted = any(layer.cycles for layer in verdict.layers)
        for layer in verdict.layers:
            mark = {True: "[green]ok[/green]", False: "[red]wrong[/red]", None: "-"}[layer.right]
            cycles = f"{layer.cycles:,}" if counted else "-"
            table.add_row(str(layer.index), layer.type, f"{layer.crc:08x} {mark}", cycles)
        if counted:
            table.add_row("", "all", "", f"{sum(x.cycles for x in verdict.layers):,}")
        console.print(table)
    console.print(
        f"[green]{'exact' if verdict.exact else 'close'}[/green]: {name} on {verdict.board}: "
        f"{verdict.inferences} inferences, {verdict.bytes:,} output bytes "
        f"{agreement(verdict.exact)} in the numpy reference and the board ({title})"
    )
    print_recorded(console, verdict.recorded, verdict.accuracy, verdict.inferences)
    if verdict.micros:
        console.print(
            f"{verdict.micros / 1000:.3f} ms an inference (median, by the board's clock of "
            f"{verdict.clock_hz / 1e6:g} MHz)"
        )
    if verdict.repeats:
        console.print(f"[yellow]line noise[/yellow]: {verdict.repeats} transfers were repeated")

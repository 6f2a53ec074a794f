"""The table of `edgegen run`: layers, totals and memory of one inference."""

from __future__ import annotations

from rich.console import Console

from edgegen.emulate.model_run import ModelRun
from edgegen.report.tables import bar, new_table
from edgegen.target.board import Board


def print_run(console: Console, name: str, run: ModelRun, board: Board) -> None:
    """What one inference costs, layer by layer."""
    table = new_table(
        f"{name} on {board.title}: {board.core.title}, one inference at zero wait states",
        "",
        "layer",
        "kernel",
        "MACs",
        "instructions",
        "cycles",
        "cycles/MAC",
        "share",
        left=3,
    )
    whole = run.cycles if run.cycles is not None else run.instructions
    for row in run.layers:
        spent = row.cycles if row.cycles is not None else row.instructions
        table.add_row(
            str(row.index),
            row.op,
            row.kernel,
            f"{row.macs:,}" if row.macs else "-",
            f"{row.instructions:,.0f}",
            "-" if row.cycles is None else f"{row.cycles:,.0f}",
            _per_mac(row.cycles, row.macs),
            f"{bar(spent / whole, 10)} {spent / whole:4.0%}",
        )
    table.add_section()
    macs = sum(row.macs for row in run.layers)
    table.add_row(
        "",
        "[bold]all[/bold]",
        "",
        f"{macs:,}",
        f"{run.instructions:,.0f}",
        "-" if run.cycles is None else f"[bold]{run.cycles:,.0f}[/bold]",
        _per_mac(run.cycles, macs),
        "",
    )
    console.print(table)
    if run.cycles is not None:
        console.print(
            f"{run.cycles / board.clock_hz * 1e3:.2f} ms at {board.clock_hz / 1e6:g} MHz, "
            "flash wait states not counted"
        )
    else:
        console.print(f"{board.core.title}: instructions only (see docs/cycle-model.md)")
    console.print(
        f"flash {run.flash.total:,} bytes: constants {run.flash.constants:,}, library code "
        f"{run.flash.code:,}, start-up and test firmware {run.flash.rest:,}"
    )
    console.print(f"RAM   arena {run.arena_bytes:,} bytes, stack {run.stack_bytes:,} bytes at most")
    console.print(
        f"[green]exact[/green]: {run.compared:,} bytes of all layers over {run.inferences} "
        "inferences equal the reference"
    )


def _per_mac(cycles: float | None, macs: int) -> str:
    return "-" if cycles is None or not macs else f"{cycles / macs:.2f}"

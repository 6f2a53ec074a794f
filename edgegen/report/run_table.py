"""The table of `edgegen run`: layers, totals and memory of one inference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console

from edgegen.bundle import Bundle
from edgegen.emulate.bundle_run import BundleRow
from edgegen.emulate.model_run import ModelRun
from edgegen.report.tables import agreement, bar, new_table
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
    console.print(_time(run, board))
    console.print(
        f"flash {run.flash.total:,} bytes: constants {run.flash.constants:,}, library code "
        f"{run.flash.code:,}, start-up and test firmware {run.flash.rest:,}"
    )
    copied = f", kernels {run.flash.copied:,} bytes" if run.flash.copied else ""
    console.print(f"RAM   arena {run.arena_bytes:,} bytes, stack {_stack(run)}{copied}")
    if run.stack.chain:
        deepest = " > ".join(f"{name} {size}" for name, size in run.stack.chain)
        console.print(f"      deepest calls: {deepest}", soft_wrap=True)
    console.print(
        f"[green]{'exact' if run.exact else 'close'}[/green]: {run.compared:,} bytes of all layers "
        f"over {run.inferences} inferences are {agreement(run.exact)} in the reference and on "
        "the core"
    )


def _stack(run: ModelRun) -> str:
    """The worst case beside the measured depth."""
    if run.stack.bytes is None:
        return f"{run.stack_bytes:,} bytes measured; worst case not computed: {run.stack.why}"
    return f"{run.stack.bytes:,} bytes at most ({run.stack_bytes:,} measured)"


def print_bundle_run(console: Console, bundle: Bundle, rows: Sequence[BundleRow]) -> None:
    """What models that share an arena cost, one inference each."""
    table = new_table(
        f"{bundle.name} on {bundle.board.title}: one inference each, at zero wait states",
        "model",
        "inferences",
        "instructions",
        "cycles",
    )
    for row in rows:
        cycles = "-" if row.cycles is None else f"{row.cycles:,.0f}"
        table.add_row(row.name, str(row.inferences), f"{row.instructions:,.0f}", cycles)
    console.print(table)
    console.print(
        f"[green]exact[/green]: {sum(r.compared for r in rows):,} bytes of outputs equal the "
        f"reference; shared arena {bundle.arena_bytes:,} bytes"
    )


def _time(run: ModelRun, board: Board) -> str:
    """How long an inference takes."""
    if run.cycles is None:
        return f"{board.core.title}: instructions only (see docs/cycle-model.md)"
    milliseconds = 1e3 / board.clock_hz
    clock = f"ms at {board.clock_hz / 1e6:g} MHz"
    if run.on_board is None:
        return f"{run.cycles * milliseconds:.2f} {clock}, flash wait states not modelled"
    plain = f"{run.cycles * milliseconds:.2f}"
    if run.on_board == (run.cycles, run.cycles):
        return f"{plain} {clock}, no wait states"
    spread = _spread(f"{c * milliseconds:.2f}" for c in run.on_board)
    cycles = _spread(f"{c:,.0f}" for c in run.on_board)
    return (
        f"{spread} {clock} with {board.flash.wait_states} wait states (modelled, {cycles} cycles); "
        f"{plain} ms without"
    )


def _spread(ends: Iterable[str]) -> str:
    """Both ends of a range, or the one figure that they are."""
    return " to ".join(dict.fromkeys(ends))


def _per_mac(cycles: float | None, macs: int) -> str:
    return "-" if cycles is None or not macs else f"{cycles / macs:.2f}"

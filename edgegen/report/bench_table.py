"""The table of `edgegen bench`."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

from edgegen.emulate.bench import BenchRow
from edgegen.report.tables import new_table


def print_bench(console: Console, rows: Iterable[BenchRow]) -> None:
    """One line for each model, core and level; changes against the ledger in percent."""
    table = new_table(
        "one inference of the ramp input, zero wait states; every layer's bytes exact",
        "model",
        "core",
        "level",
        "instr.",
        "cycles",
        "change",
        "predicted",
        "arena",
        "stack",
        "const.",
        "code",
        left=3,
    )
    for row in rows:
        now = row.now
        table.add_row(
            row.model,
            row.core,
            row.level,
            f"{now.instructions:,}",
            "-" if now.cycles is None else f"{now.cycles:,}",
            _change(row),
            "-" if now.cycles is None else f"{now.predicted_cycles / now.cycles - 1:+.1%}",
            f"{now.arena:,}",
            f"{now.stack:,}",
            f"{now.constants:,}",
            f"{now.code:,}",
        )
    console.print(table)


def _change(row: BenchRow) -> str:
    if row.before is None:
        return "new"
    old, new = row.before.instructions, row.now.instructions
    return "=" if old == new else f"{new / old - 1:+.2%}"

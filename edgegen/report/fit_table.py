"""What `edgegen fit` shows: boards by verdict, as a table, as JSON and as a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from edgegen.codegen.environment import render
from edgegen.report.tables import new_table
from edgegen.survey import TIGHT, BoardFit, compact, ordered

SCHEMA = 1
COLORS = {"fits": "green", "tight": "yellow", "too big": "red"}
NOTES = (
    "RAM: arena and stack of what the arena's region has; flash: constants and about the code.",
    "ms: predicted cycles at the clock that start-up code sets up, zero wait states; the cycles of "
    "Cortex-M7 and M33 are those of Cortex-M4.",
    "mJ: an estimate, the maker's typical run current x cycles; nothing was measured.",
    f"tight: over {TIGHT:.0%} of a memory region is taken. At least (>=): no program was made.",
)


def print_fit(console: Console, name: str, fits: Sequence[BoardFit], sort: str) -> None:
    """One model's boards as a table."""
    table = new_table(
        f"{name}: {', '.join(compact(fits))}",
        *("board", "core", "", "MHz", "RAM", "of", "flash", "of", "ms", "mJ", "remarks"),
        left=3,
    )
    table.columns[-1].justify = "left"
    for fit in ordered(fits, sort):
        color, least = COLORS[fit.verdict], "" if fit.exact else ">= "
        table.add_row(
            fit.board.name,
            _core(fit),
            f"[{color}]{fit.verdict}[/{color}]",
            f"{fit.hz / 1e6:g}",
            f"{least}{fit.ram:,}",
            f"{fit.ram_available:,}",
            f"{least}{fit.flash:,}",
            f"{fit.flash_available:,}",
            _figure(fit.milliseconds if fit.verdict != "too big" else None),
            _figure(fit.millijoules if fit.verdict != "too big" else None),
            remarks(fit),
        )
    console.print(table)
    for note in NOTES:
        console.print(note, markup=False)


def _core(fit: BoardFit) -> str:
    return fit.board.core.title.removeprefix("Arm ").removeprefix("Cortex-")


def _figure(value: float | None) -> str:
    """Three digits, without an exponent.

    >>> _figure(0.01234), _figure(1234.5), _figure(None)
    ('0.0123', '1,234', '')
    """
    if value is None:
        return ""
    for limit, digits in ((0.1, 4), (1, 3), (10, 2), (100, 1)):
        if value < limit:
            return f"{value:.{digits}f}"
    return f"{value:,.0f}"


def remarks(fit: BoardFit) -> str:
    """What is short, or how the model fits."""
    said = [f"{name}: {size:,} short" for name, size in fit.short]
    if fit.by_rows and not fit.short:
        said.append(f"{fit.by_rows} layers by rows")
    return ", ".join(said)


def fit_report(found: Mapping[str, Sequence[BoardFit]], sort: str) -> dict[str, Any]:
    """All of it as plain values; documented in docs/boards.md."""
    return {
        "schema": SCHEMA,
        "models": [
            {"model": name, "boards": [_row(fit) for fit in ordered(fits, sort)]}
            for name, fits in found.items()
        ],
    }


def fit_text(report: Mapping[str, Any]) -> str:
    """The report as JSON."""
    return json.dumps(report, indent=2) + "\n"


def _row(fit: BoardFit) -> dict[str, Any]:
    return {
        "board": fit.board.name,
        "core": fit.board.core.name,
        "verdict": fit.verdict,
        "compiled": fit.exact,
        "arena_bytes": fit.arena,
        "stack_bytes": fit.stack,
        "ram_available": fit.ram_available,
        "flash_bytes": fit.flash,
        "flash_available": fit.flash_available,
        "clock_hz": fit.hz,
        "cycles_predicted": fit.cycles,
        "milliseconds_predicted": fit.milliseconds,
        "millijoules_estimated": fit.millijoules,
        "layers_by_rows": fit.by_rows,
        "short": dict(fit.short),
    }


def fit_page(found: Mapping[str, Sequence[BoardFit]], sort: str) -> str:
    """A self-contained page."""
    models = []
    for name, fits in found.items():
        rows = [
            {
                "fit": fit,
                "core": _core(fit),
                "mhz": f"{fit.hz / 1e6:g}",
                "least": "" if fit.exact else "\u2265 ",
                "ram": f"{fit.ram:,}",
                "ram_of": f"{fit.ram_available:,}",
                "ram_share": min(100, round(100 * fit.ram / fit.ram_available)),
                "flash": f"{fit.flash:,}",
                "flash_of": f"{fit.flash_available:,}",
                "flash_share": min(100, round(100 * fit.flash / fit.flash_available)),
                "ms": _figure(fit.milliseconds if not fit.short else None),
                "mj": _figure(fit.millijoules if not fit.short else None),
                "kind": fit.verdict.replace(" ", "-"),
                "remarks": remarks(fit),
            }
            for fit in ordered(fits, sort)
        ]
        models.append({"name": name, "summary": ", ".join(compact(fits)), "rows": rows})
    return render("report/fit.html.j2", models=models, notes=NOTES)

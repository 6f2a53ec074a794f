"""What `edgegen explore` shows: the Pareto front as a table and as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from edgegen.codegen.environment import render
from edgegen.pipeline import Options
from edgegen.report.tables import new_table
from edgegen.target.board import Board
from edgegen.target.explore import Point

WIDTH, HEIGHT, MARGIN = 860, 420, 64
"""Of the picture and the room for its labels, pixels."""
TICKS = ((1, 2, 5), (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8), tuple(n / 20 for n in range(20, 200)))
"""Round numbers for an axis, the finer ones where the coarser ones are too few."""
ENOUGH_TICKS = 3


@dataclass(frozen=True)
class ExploreRow:
    """A plan as people see it.

    Attributes:
        point: the plan.
        milliseconds: at the board's clock and zero wait states; None without a clock.
        fits: whether arena and flash are within the board's.
        fastest: whether no plan that fits is faster.
        how: the options that make `edgegen build` take it.
    """

    point: Point
    milliseconds: float | None
    fits: bool
    fastest: bool
    how: str


def explore_rows(points: Sequence[Point], board: Board, within: Options) -> tuple[ExploreRow, ...]:
    """Describes plans for a board.

    Args:
        points: the plans.
        board: where they would run.
        within: options with the board's budgets.
    """

    def fits(p: Point) -> bool:
        return p.ram <= (within.ram_budget or p.ram) and p.flash <= (within.flash_budget or p.flash)

    best = min((p.cycles for p in points if fits(p)), default=None)
    return tuple(
        ExploreRow(
            p,
            None if not board.clock_hz else p.cycles * 1000 / board.clock_hz,
            fits(p),
            fits(p) and p.cycles == best,
            f"--optimize {p.level} --ram-budget {p.ram} --flash-budget {p.flash}",
        )
        for p in points
    )


def print_explore(console: Console, name: str, rows: Sequence[ExploreRow], board: Board) -> None:
    """The front as a table, by falling RAM; `*` marks the fastest that fits."""
    table = new_table(
        f"{name} on {board.name}: predicted, zero wait states",
        "",
        "arena",
        "cycles",
        "ms",
        "flash",
        "by rows",
        "options of edgegen build",
    )
    table.columns[-1].justify = "left"
    for row in rows:
        p = row.point
        table.add_row(
            "*" if row.fastest else ("" if row.fits else "too big"),
            f"{p.ram:,}",
            f"{p.cycles:,}",
            "" if row.milliseconds is None else f"{row.milliseconds:.1f}",
            f"{p.flash:,}",
            f"{p.streamed} of {len(p.plan.program.calls)}" if p.streamed else "",
            row.how,
        )
    console.print(table)
    console.print("* the fastest that fits; flash is constants and estimated code")


@dataclass(frozen=True)
class _Axis:
    """A logarithmic axis: values to pixels."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float) -> _Axis:
        """An axis with a little room around some values."""
        return cls(min(values) / 1.15, max(values) * 1.15, start, end)

    def at(self, value: float) -> float:
        """Pixels from the left or top."""
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        """Round values inside."""
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        found: list[float] = []
        for steps in TICKS:
            found = [m * 10.0**p for p in powers for m in steps if self._has(m * 10.0**p)]
            if len(found) >= ENOUGH_TICKS:
                break
        return found

    def _has(self, value: float) -> bool:
        return self.low <= value <= self.high


def explore_page(name: str, rows: Sequence[ExploreRow], board: Board) -> str:
    """The front as a self-contained HTML page: RAM to the right, cycles upwards."""
    across = _Axis.over([r.point.ram for r in rows], MARGIN, WIDTH - 16)
    up = _Axis.over([r.point.cycles for r in rows], HEIGHT - MARGIN, 16)
    flash = sorted({r.point.flash for r in rows})
    marks = [
        {
            "x": across.at(r.point.ram),
            "y": up.at(r.point.cycles),
            "radius": round(4 + 8 * _share(r.point.flash, flash), 1),
            "row": r,
            "title": f"arena {r.point.ram:,} bytes, {r.point.cycles:,} cycles, "
            f"flash {r.point.flash:,} bytes",
        }
        for r in rows
    ]
    return render(
        "report/explore.html.j2",
        name=name,
        board=board,
        rows=rows,
        marks=marks,
        width=WIDTH,
        height=HEIGHT,
        bottom=HEIGHT - MARGIN,
        left=MARGIN,
        right=WIDTH - 16,
        across=[(across.at(t), f"{t:,.0f}") for t in across.ticks()],
        up=[(up.at(t), f"{t:,.0f}") for t in up.ticks()],
    )


def _share(value: int, ordered: Sequence[int]) -> float:
    """Where a value lies between the least and the greatest, by its logarithm."""
    low, high = ordered[0], ordered[-1]
    return 0.0 if low == high else math.log(value / low) / math.log(high / low)

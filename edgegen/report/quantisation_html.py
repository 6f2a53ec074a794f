"""The account of a quantisation as one HTML page that needs nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from edgegen import __version__
from edgegen.codegen.environment import render
from edgegen.codegen.filters import shape_text
from edgegen.report.quantisation import LayerRow, QuantisationReport
from edgegen.report.quantisation_text import decibel, percent, span

GOOD, FAIR = 30.0, 20.0
"""From these SQNRs in dB on a layer's bar is green, or yellow; below it is red."""
FULL_BAR = 60.0
"""The SQNR in dB of a full bar."""
CLIPPED = 0.01
"""A larger share of clipped values is marked."""


@dataclass(frozen=True)
class Card:
    """One figure at the top of the page."""

    title: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Bar:
    """A horizontal bar: where it starts and how wide it is, in percent; a grade colours it."""

    start: float
    width: float
    grade: str = ""


@dataclass(frozen=True)
class RowView:
    """A layer's row, all text ready to show."""

    index: str
    op: str
    label: str
    tensor: str
    shape: str
    sqnr: str
    sqnr_bar: Bar
    alone: str
    alone_bar: Bar
    weights: str
    zeros: str
    removed: str
    clipped: str
    clips: bool
    observed: str
    represented: str
    observed_bar: Bar
    represented_bar: Bar
    scale: str
    zero_point: str


def quantisation_html(report: QuantisationReport) -> str:
    """Renders the page; equal reports give equal bytes."""
    return render(
        "report/quantisation.html.j2",
        version=__version__,
        report=report,
        cards=_cards(report),
        rows=[_row(r) for r in report.rows],
        alone=any(r.alone is not None for r in report.rows),
        worst=[(r.op, r.label, decibel(_harm(r)), _bar(_harm(r))) for r in report.worst()[:5]],
        trials=[(t, decibel(v), t == report.recipe) for t, v in report.trials],
        sparsity=_sparsity(report),
    )


def _cards(report: QuantisationReport) -> list[Card]:
    cards = [Card("output SQNR", f"{decibel(report.sqnr)} dB", "float against int8")]
    if report.accuracy is not None:
        before, after = report.accuracy
        drop = f"{percent(before)} in float, {100 * (after - before):+.2f} points"
        cards.append(Card("accuracy on int8", percent(after), drop))
    if report.agreement is not None:
        cards.append(Card("same class as float", percent(report.agreement), ""))
    if report.mixed is not None:
        mixed = report.mixed
        share = 100 * (mixed.taken.cycles / mixed.without.cycles - 1)
        note = (
            f"{decibel(mixed.sqnr)} dB without; {share:+.0f} % cycles, "
            f"{mixed.taken.arena - mixed.without.arena:+,} bytes of arena"
        )
        cards.append(Card("operators on int16", str(mixed.operators), note))
    before_bytes, after_bytes = report.file_bytes
    cards.append(
        Card("model file", f"{after_bytes / 1024:,.1f} kB", f"{before_bytes / 1024:,.1f} kB float")
    )
    return cards


def _harm(row: LayerRow) -> float | None:
    return row.sqnr if row.alone is None else row.alone


def _bar(sqnr: float | None) -> Bar:
    value = FULL_BAR if sqnr is None else max(0.0, min(sqnr, FULL_BAR))
    grade = "good" if value >= GOOD else "fair" if value >= FAIR else "poor"
    return Bar(0.0, round(100 * value / FULL_BAR, 1), grade)


def _row(row: LayerRow) -> RowView:
    low = min(row.observed[0], row.represented[0])
    high = max(row.observed[1], row.represented[1])
    weights = row.weights
    return RowView(
        index="" if row.index is None else str(row.index),
        op=row.op,
        label=row.label,
        tensor=row.tensor,
        shape=shape_text(row.shape),
        sqnr=decibel(row.sqnr),
        sqnr_bar=_bar(row.sqnr),
        alone="" if row.alone is None else decibel(row.alone),
        alone_bar=_bar(row.alone),
        weights="" if weights is None else decibel(weights.sqnr),
        zeros=""
        if weights is None
        else f"{percent(weights.zeros / max(weights.count, 1), 1)} zero",
        removed=str(row.removed_channels or ""),
        clipped=percent(row.clipped),
        clips=row.clipped > CLIPPED and not row.fixed,
        observed=span(*row.observed),
        represented=span(*row.represented),
        observed_bar=_within(row.observed, low, high),
        represented_bar=_within(row.represented, low, high),
        scale=f"{row.scale:.6g}",
        zero_point=str(row.zero_point) if row.dtype == "int8" else "int16",
    )


def _within(part: tuple[float, float], low: float, high: float) -> Bar:
    """A range as a bar within a wider one."""
    width = (high - low) or 1.0
    start = 100 * (part[0] - low) / width
    return Bar(round(start, 1), round(100 * (part[1] - part[0]) / width, 1))


def _sparsity(report: QuantisationReport) -> list[tuple[str, str, str]]:
    s = report.sparsity
    rows = (
        ("weights that are zero", s.zeros, s.weights),
        ("channels dead or constant, removed by a build", s.removed_channels, s.channels),
        ("multiply-accumulates saved by removing them", s.removed_macs, s.macs),
        ("bytes of constants saved by removing them", s.removed_constants, s.constants),
    )
    return [
        (title, f"{part:,} of {whole:,}", percent(part / whole if whole else 0.0, 1))
        for title, part, whole in rows
    ]

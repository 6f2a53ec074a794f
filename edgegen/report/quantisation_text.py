"""What `edgegen quantize` and `edgegen compare` print."""

from __future__ import annotations

from rich.console import Console

from edgegen.ir.names import short_name
from edgegen.quantise.compare import Comparison
from edgegen.quantise.model import Outcome
from edgegen.report.quantisation import LayerRow, Mixed, QuantisationReport, Sparsity
from edgegen.report.tables import new_table


def decibel(value: float | None) -> str:
    """A ratio in dB for people; None is infinite.

    >>> decibel(31.24), decibel(None)
    ('31.2', 'exact')
    """
    return "exact" if value is None or value == float("inf") else f"{value:.1f}"


def percent(share: float | None, digits: int = 2) -> str:
    """A share for people; None is unknown.

    >>> percent(0.1234), percent(0.0), percent(1e-9), percent(None)
    ('12.34 %', '0 %', '<0.01 %', '')
    """
    if share is None or share == 0:
        return "" if share is None else "0 %"
    least = 10.0**-digits
    return f"{share * 100:.{digits}f} %" if share * 100 >= least else f"<{least:.{digits}f} %"


def span(low: float, high: float) -> str:
    """A range for people.

    >>> span(-1.23456, 7)
    '-1.23 .. 7'
    """
    return f"{low:.3g} .. {high:.3g}"


def print_quantisation(console: Console, report: QuantisationReport) -> None:
    """The summary of `edgegen quantize`."""
    alone = any(r.alone is not None for r in report.rows)
    columns = ["op", "output", "SQNR dB", "weights dB", "clipped", "observed", "represented"]
    table = new_table("", "#", *columns, *(["alone dB"] if alone else []), left=3)
    for row in report.rows:
        cells = _cells(row)
        table.add_row(*cells, *([decibel(row.alone) if row.alone else ""] if alone else []))
    console.print(table)
    console.print(
        f"[bold]{report.name}[/bold]: output SQNR [bold]{decibel(report.sqnr)} dB[/bold] "
        f"({report.measured} samples of {report.samples}; calibrated on {report.calibrated})"
    )
    console.print(f"recipe: {report.recipe}")
    if report.attempts:
        print_attempts(console, report)
    if report.mixed is not None:
        print_mixed(console, report.mixed, report.sqnr)
    print_ends(console, report.agreement, report.accuracy)
    before, after = report.file_bytes
    console.print(f"model file {before:,} bytes float, {after:,} bytes int8")
    print_sparsity(console, report.sparsity)


def print_attempts(console: Console, report: QuantisationReport) -> None:
    """What the search for a target changed."""
    kept = [
        (", ".join(short_name(t, 30) for t in tensors.split(", ")), what, decibel(value))
        for tensors, what, value, good in report.attempts
        if good
    ]
    changes = "; ".join(f"{tensor}: {what} ({value} dB)" for tensor, what, value in kept)
    console.print(f"search: {len(report.attempts)} trials; kept {changes or 'none'}")


def print_mixed(console: Console, mixed: Mixed, sqnr: float | None) -> None:
    """What int16 gives and costs."""
    a, b = mixed.without, mixed.taken
    console.print(
        f"{mixed.operators} operators on int16: {decibel(mixed.sqnr)} dB without them, "
        f"{decibel(sqnr)} dB with; on a Cortex-M4 {a.cycles:,} to {b.cycles:,} predicted cycles, "
        f"{a.arena:,} to {b.arena:,} bytes of arena, "
        f"{a.constants:,} to {b.constants:,} of constants"
    )


def print_outcome(console: Console, outcome: Outcome) -> None:
    """One line on a quantisation that is a step of something else."""
    console.print(
        f"quantised to int8: output SQNR {decibel(outcome.sqnr)} dB on {outcome.samples}; "
        f"{outcome.made.recipe}"
    )


def _cells(row: LayerRow) -> list[str]:
    weights = "" if row.weights is None else decibel(row.weights.sqnr)
    return [
        "" if row.index is None else str(row.index),
        row.op,
        short_name(row.tensor, 30),
        decibel(row.sqnr),
        weights,
        percent(row.clipped),
        span(*row.observed),
        ("int16 " if row.dtype == "int16" else "") + span(*row.represented),
    ]


def print_ends(
    console: Console, agreement: float | None, accuracy: tuple[float, float] | None
) -> None:
    """Agreement with float, and accuracy where there are labels."""
    if agreement is not None:
        console.print(f"same class as float on {percent(agreement, 1)} of the samples")
    if accuracy is not None:
        console.print(f"accuracy {accuracy[0]:.4f} float, [bold]{accuracy[1]:.4f}[/bold] int8")


def print_sparsity(console: Console, found: Sparsity) -> None:
    """Zeros and dead parts of the int8 model."""
    console.print(
        f"{percent(found.zeros / found.weights if found.weights else 0.0, 1)} of "
        f"{found.weights:,} weights are zero; {found.removed_channels:,} of {found.channels:,} "
        f"channels are dead or constant: a build removes them, and with them "
        f"{found.removed_macs:,} of {found.macs:,} MACs and {found.removed_constants:,} of "
        f"{found.constants:,} bytes of constants"
    )


def print_comparison(console: Console, comparison: Comparison, names: tuple[str, str]) -> None:
    """The summary of `edgegen compare`: worst tensors first."""
    table = new_table(
        f"{names[0]} and {names[1]}", "op", "tensor", "SQNR dB", "clipped", "float range", left=2
    )
    for part in sorted(comparison.parts, key=lambda p: p.sqnr):
        mark = " *" if part.rescaled else ""
        table.add_row(
            part.op,
            short_name(part.tensor, 40),
            decibel(part.sqnr) + mark,
            "" if part.rescaled else percent(part.error.clipped_share),
            span(part.error.low, part.error.high),
        )
    console.print(table)
    if any(p.rescaled for p in comparison.parts):
        console.print("* channels are scaled otherwise on int8; compared with a gain for each")
    if comparison.unmatched:
        console.print(f"no counterpart on int8: {', '.join(map(short_name, comparison.unmatched))}")
    console.print(f"{comparison.measurement.samples} samples")
    print_ends(console, comparison.measurement.agreement, comparison.measurement.accuracy)

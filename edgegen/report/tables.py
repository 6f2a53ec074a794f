"""What the commands print: tables for people, all figures from the results themselves."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edgegen.bundle import Bundle
from edgegen.codegen.filters import shape_text
from edgegen.ir.names import short_name
from edgegen.passes.removed import removed
from edgegen.pipeline import Compilation, Library
from edgegen.plan.plan import proof_text
from edgegen.report.map_text import signs, sparkline
from edgegen.report.memory_map import memory_map
from edgegen.report.placement import arena_duties, duties
from edgegen.target.board import Board
from edgegen.target.fit import Fit
from edgegen.verify.tolerance import RELATIVE
from edgegen.verify.verify import Verdict


def new_table(title: str, *columns: str, left: int = 1) -> Table:
    """A table whose first `left` columns are text and whose others are numbers."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i < left else "right", no_wrap=True)
    return table


def bar(share: float, width: int = 24) -> str:
    """A text bar for a share between 0 and 1.

    >>> bar(0.5, 4)
    '██░░'
    """
    full = round(max(0.0, min(1.0, share)) * width)
    return "█" * full + "░" * (width - full)


def print_build(console: Console, library: Library, target: Path) -> None:
    """The summary of `edgegen build`."""
    c, fit, board = library.compilation, library.fit, library.board
    arena = c.plan.arena
    console.print(
        f"[bold]{c.name}[/bold] for {escape(board.title)} ({board.core.title}) -> "
        f"{escape(str(target))}"
    )
    print_regions(console, fit)
    console.print(
        f"arena {arena.size:,} bytes ({proof_text(arena)}); "
        f"constants {fit.constants:,} + code about {fit.code_estimate:,}"
    )
    for name, layout in c.graph.layouts.items():
        shape = shape_text(c.graph.tensor(name).type.shape)
        console.print(f"{name}: {shape} {layout}", markup=False)
    for duty in (*duties(c.package, board), *arena_duties(c.name, c.package.layout, board)):
        console.print(duty)
    saved = c.source.macs - c.optimised.macs
    if saved:
        console.print(
            f"{saved:,} of {c.source.macs:,} MACs removed: the weights prove their results constant"
        )
    console.print(f"{len(c.program.calls)} layers, {c.graph.macs:,} MACs")
    shown = memory_map(c.plan, c.name)
    mark = signs(console)
    console.print(f"RAM while each layer runs: {sparkline(shown, mark)}", markup=False)
    peak = ", ".join(f"{short_name(n)} {b:,}" for n, b in fit.peak_buffers)
    console.print(f"at the peak, layer {shown.peak_title}: {peak}", markup=False)


def print_bundle(console: Console, bundle: Bundle, target: Path) -> None:
    """The summary of `edgegen build --shared-arena`."""
    board, fit = bundle.board, bundle.fit
    names = ", ".join(c.name for c in bundle.compilations)
    console.print(
        f"[bold]{bundle.name}[/bold] ({names}) for {board.title} ({board.core.title}) -> {target}"
    )
    print_regions(console, fit)
    table = new_table("", "model", "arena", "constants", "layers", "MACs")
    for c in bundle.compilations:
        table.add_row(
            c.name,
            f"{c.plan.arena.size:,}",
            f"{c.package.bytes_of():,}",
            str(len(c.program.calls)),
            f"{c.graph.macs:,}",
        )
    console.print(table)
    shared = sum(s.data.nbytes for p in bundle.packages for s in p.foreign)
    once = f"; {shared:,} bytes of constants are stored once for several models" if shared else ""
    console.print(f"shared arena {bundle.arena_bytes:,} bytes{once}")
    for duty in arena_duties(bundle.name, bundle.layout, board):
        console.print(duty)
    for package in bundle.packages:
        for duty in duties(package, board):
            console.print(f"{package.name}: {duty}")


def print_regions(console: Console, fit: Fit) -> None:
    """How full each memory region is, and of what."""
    table = new_table("", "memory", "use", "bytes", "of", "with", left=2)
    table.columns[-1].justify = "left"
    table.show_header = False
    for use in sorted(fit.regions, key=lambda u: u.region.kind != "ram"):
        table.add_row(
            f"{'RAM' if use.region.kind == 'ram' else 'flash'} {use.region.name}",
            bar(use.used / use.region.usable_size),
            f"{use.used:,}",
            f"{use.region.usable_size:,}",
            ", ".join(f"{part} {size:,}" for part, size in use.parts),
        )
    console.print(table)


def print_explain(console: Console, compilation: Compilation) -> None:
    """What passes removed, every layer's kernel, and why the others were not chosen."""
    for item in removed(compilation.source, compilation.optimised):
        console.print(f"made smaller: {item}")
    for i, call in enumerate(compilation.program.calls):
        io = call.io
        console.print(
            f"layer {i} {call.op.origin.type} {shape_text(io.output.type.shape)}: "
            f"[bold]{call.kernel.path}[/bold], predicted {call.cost.cycles:,} cycles"
        )
        for rejection in call.rejected:
            console.print(f"    not {rejection.kernel}: {rejection.reason}")


def agreement(exact: bool) -> str:
    """How results agree: integers byte for byte, float32 closely."""
    return "equal" if exact else f"within {RELATIVE:g} of each tensor's largest value"


def print_verdict(console: Console, name: str, verdict: Verdict, title: str) -> None:
    """The result of `edgegen verify`."""
    console.print(
        f"[green]{'exact' if verdict.exact else 'close'}[/green]: {name}: "
        f"{verdict.inferences} inferences x {verdict.layers} layers, {verdict.bytes:,} bytes "
        f"{agreement(verdict.exact)} in the numpy reference and the compiled C ({escape(title)})"
    )
    print_recorded(console, verdict.recorded, verdict.accuracy, verdict.inferences)


def print_recorded(
    console: Console, recorded: tuple[str, ...], accuracy: float | None, inferences: int
) -> None:
    """What a file of recorded outputs and labels adds."""
    for name in recorded:
        console.print(f"[green]exact[/green]: outputs equal the recorded {name!r}")
    if accuracy is not None:
        console.print(f"accuracy {accuracy:.3f} on {inferences} labelled inputs")


def print_boards(console: Console, boards: tuple[Board, ...]) -> None:
    """The list of `edgegen boards`."""
    table = new_table("", "board", "aliases", "core", "MHz", "flash kB", "RAM kB", left=3)
    for board in boards:
        flash = sum(r.size for r in board.regions if r.kind == "flash" and not r.external)
        ram = sum(r.size for r in board.regions if r.kind == "ram")
        table.add_row(
            f"[bold]{board.name}[/bold]\n{board.title}",
            "\n".join(board.aliases),
            board.core.title,
            f"{board.clock_hz / 1e6:g}",
            f"{flash / 1024:,.0f}",
            f"{ram / 1024:,.0f}",
        )
    console.print(table)

"""`edgegen fit`: on which boards a model runs, in how much memory and time, for how much energy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from edgegen.codegen.package import Package, pack
from edgegen.ir import Graph
from edgegen.pipeline import Options
from edgegen.plan.plan import Plan
from edgegen.target.board import Board
from edgegen.target.budget import cycles
from edgegen.target.fit import Fit, measure
from edgegen.target.places import settle
from edgegen.target.several import CoreKey, Programs, core_key

VERDICTS = ("fits", "tight", "too big")
"""From good to bad."""
TIGHT = 0.85
"""Share of a memory region from which it is called tight: little is left for an application."""
SORTS = ("time", "energy", "ram", "flash", "name")
"""What the boards of a verdict may be sorted by."""


@dataclass(frozen=True)
class BoardFit:
    """A model on a board; all figures are predictions.

    Attributes:
        board: the board; with the arena's region chosen, if the model was compiled for it.
        verdict: one of `VERDICTS`.
        arena: bytes; the least there can be where `exact` is False.
        stack: bytes kept for the stack in the arena's region.
        ram_available: usable bytes of the arena's region.
        flash: bytes of constants and estimated code; the least where `exact` is False.
        flash_available: usable bytes of flash.
        cycles: of an inference at zero wait states; None where no program was made, or no costs of
            the core are known.
        hz: the clock that start-up code sets up.
        by_rows: layers that run row by row, to save RAM.
        short: what is missing, by region, bytes.
        exact: whether a program was made; else the model is known to be too big without.
    """

    board: Board
    verdict: str
    arena: int
    stack: int
    ram_available: int
    flash: int
    flash_available: int
    cycles: int | None
    hz: int
    by_rows: int
    short: tuple[tuple[str, int], ...]
    exact: bool

    @property
    def ram(self) -> int:
        """Bytes of arena and stack in the arena's region."""
        return self.arena + self.stack

    @property
    def milliseconds(self) -> float | None:
        """Time of an inference at zero wait states."""
        return None if self.cycles is None else self.cycles * 1000 / self.hz

    @property
    def millijoules(self) -> float | None:
        """An estimate of its energy: the maker's typical current for each MHz, times cycles."""
        if self.cycles is None or self.board.energy is None:
            return None
        return self.board.energy.millijoules(self.cycles)


def survey(
    graph: Graph,
    name: str,
    boards: Sequence[Board],
    seen: Callable[[BoardFit], None] = lambda _: None,
) -> tuple[BoardFit, ...]:
    """What `edgegen build` would make of a model on each board, without writing anything.

    Args:
        graph: after all passes.
        name: prefix of all C identifiers.
        boards: in any order.
        seen: called with each result as it comes.

    Returns:
        In the order of `boards`.
    """
    surveyor = _Surveyor(graph, name)
    found = {}
    # Boards with much RAM come first: their programs serve others, too.
    for board in sorted(boards, key=lambda b: -_budgets(b)[1]):
        found[board.name] = surveyor.on(board)
        seen(found[board.name])
    return tuple(found[board.name] for board in boards)


def ordered(fits: Iterable[BoardFit], by: str = "time") -> list[BoardFit]:
    """The good first; boards of a verdict by one of `SORTS`, those without a figure last."""

    def key(fit: BoardFit) -> tuple[object, ...]:
        figure = {
            "time": fit.milliseconds,
            "energy": fit.millijoules,
            "ram": fit.ram_available,
            "flash": fit.flash_available,
            "name": 0,
        }[by]
        return (VERDICTS.index(fit.verdict), figure is None, figure or 0, fit.board.name)

    return sorted(fits, key=key)


def _budgets(board: Board) -> tuple[int, int]:
    """The board's flash and RAM as `edgegen build` takes them for budgets."""
    within = Options().within(board)
    assert within.flash_budget is not None
    assert within.ram_budget is not None
    return within.flash_budget, within.ram_budget


class _Surveyor:
    """One model; remembers what boards with the same core share."""

    def __init__(self, graph: Graph, name: str) -> None:
        self._graph, self._name = graph, name
        self._programs: dict[CoreKey, Programs] = {}
        self._packages: dict[int, Package] = {}

    def on(self, board: Board) -> BoardFit:
        """The model on a board."""
        core = board.tuned_core
        programs = self._programs.setdefault(core_key(core), Programs(self._graph, core))
        flash, ram = _budgets(board)
        if programs.hopeless(flash, ram):
            return self._hopeless(board, programs.least_arena(), programs.least_flash)
        program = programs.within(flash, ram)
        package = self._package(programs.plan(program))
        settled = settle(board, (package,))
        return self._judged(settled, package, measure((package,), settled))

    def _package(self, plan: Plan) -> Package:
        """The packed program, each one packed once."""
        if id(plan) not in self._packages:
            # The package keeps its plan: an id means something only as long as its owner lives.
            self._packages[id(plan)] = pack(plan, self._name)
        return self._packages[id(plan)]

    def _judged(self, board: Board, package: Package, fit: Fit) -> BoardFit:
        program = package.plan.program
        short = tuple((use.region.name, use.short) for use in fit.regions if use.short)
        full = max(use.used / use.region.usable_size for use in fit.regions)
        verdict = "too big" if short else "tight" if full > TIGHT else "fits"
        return BoardFit(
            board,
            verdict,
            package.plan.arena.size,
            fit.stack_reserved,
            fit.ram_available,
            fit.flash_used,
            fit.flash_available,
            cycles(program) if board.core.isa == "arm" else None,
            _clock(board),
            sum(stream.count for stream in program.streams),
            short,
            exact=True,
        )

    def _hopeless(self, board: Board, arena: int, constants: int) -> BoardFit:
        """A board that is too small for any program."""
        place = board.placement
        region = max(
            place.arena_choices,
            key=lambda r: r.usable_size - (place.stack_bytes if r == place.stack else 0),
        )
        stack = place.stack_bytes if region == place.stack else 0
        short = {
            region.name: arena + stack - region.usable_size,
            place.weights.name: constants - place.weights.usable_size,
        }
        return BoardFit(
            board,
            "too big",
            arena,
            stack,
            region.usable_size,
            constants,
            place.weights.usable_size,
            None,
            _clock(board),
            0,
            tuple((name, size) for name, size in short.items() if size > 0),
            exact=False,
        )


def _clock(board: Board) -> int:
    return board.clock_hz if board.clock is None else board.clock.hz


def is_emulated(board: Board) -> bool:
    """Whether it is a machine of an emulator, or an image for Arm's FPGA boards."""
    return board.soc is not None and board.soc.family in ("mps2", "virt")


def compact(fits: Sequence[BoardFit]) -> Iterator[str]:
    """Each verdict with its number of boards, as text."""
    for verdict in VERDICTS:
        count = sum(fit.verdict == verdict for fit in fits)
        if count:
            yield f"{count} {verdict}"

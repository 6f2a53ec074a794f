"""One model on many boards: programs within each board's memory, what they share done once.

Boards with the same core are offered the same kernels. Where memory is ample they get the same
program, too; only where it is short has a board a search of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

from edgegen.ir import Graph, Op
from edgegen.kernels.program import Program
from edgegen.plan.plan import Plan
from edgegen.target.budget import Search, flash_bytes, least_arena
from edgegen.target.choices import Choice
from edgegen.target.cores import Core
from edgegen.target.fit import GLUE_CODE_BYTES
from edgegen.target.select import OBJECTIVES, Selection

CoreKey = tuple[object, ...]

LARGEST_LOOP = 3000
"""Bytes of code; no kernel makes a loop larger than this where loops are limited at all."""


def core_key(core: Core) -> CoreKey:
    """What kernels can know of a core: cores with equal keys run the same programs."""
    loop = core.loop_bytes
    if "dsp" not in core.features:
        loop = None  # only the tiles for DSP are unrolled so far that it matters
    elif loop is not None:
        loop = min(loop, LARGEST_LOOP)
    return (core.features, core.pricing, core.unaligned_access, loop)


@dataclass(frozen=True)
class _Known:
    """A program, and the budgets that lead to it.

    Attributes:
        program: the fastest without regard to flash.
        flash: bytes it takes.
        ram: the least and the largest RAM budget.
    """

    program: Program
    flash: int
    ram: tuple[int, int]


@dataclass
class Programs:
    """The programs of one graph for one core within several budgets.

    Attributes:
        graph: after all passes.
        core: the core.
        optimize: what to prefer, one of `OPTIMIZE`.
    """

    graph: Graph
    core: Core
    optimize: str = "balanced"
    _known: list[_Known] = field(default_factory=list)
    _exact: dict[tuple[int, int], Program] = field(default_factory=dict)
    _plans: dict[int, Plan] = field(default_factory=dict)

    def __post_init__(self) -> None:
        objective = OBJECTIVES[self.optimize]
        self._selection = Selection(self.graph, self.core, objective, None, None)

    def within(self, flash: int, ram: int) -> Program:
        """What `select_within` gives for these budgets; the largest RAM should come first."""
        for known in self._known:
            if known.flash <= flash and known.ram[0] <= ram <= known.ram[1]:
                return known.program
        if (flash, ram) not in self._exact:
            self._exact[flash, ram] = self._search(flash, ram)
        return self._exact[flash, ram]

    def _search(self, flash: int, ram: int) -> Program:
        base = self._selection
        shared = base.vary(base.objective, None, None)
        search = Search(
            self.graph, self.core, self.optimize, flash, ram, streaming=True, selection=shared
        )
        program = search.program()
        self._plans[id(program)] = search.plan(program)
        if search.free and search.ample <= ram:
            self._known.append(_Known(program, flash_bytes(program), (search.ample, ram)))
        return program

    def plan(self, program: Program) -> Plan:
        """The plan of a program that `within` gave."""
        return self._plans[id(program)]

    def least_arena(self) -> int:
        """Bytes that no arena can do without."""
        return least_arena(self.graph)

    def hopeless(self, flash: int, ram: int) -> bool:
        """Whether there surely is no program for these budgets."""
        if self.least_arena() > ram:
            return True
        # Offers of row kernels take a while to make: where whole layers fit, they are not needed.
        return self._least_whole > flash and self.least_flash > flash

    @functools.cached_property
    def least_flash(self) -> int:
        """Bytes of constants, and of what every library holds, that no program can do without."""
        return self._least_constants(self._selection.streams.choices)

    @functools.cached_property
    def _least_whole(self) -> int:
        """The same for programs without streams."""
        return self._least_constants(lambda _: ())

    def _least_constants(self, by_rows: Callable[[int], tuple[Choice, ...]]) -> int:
        """The least that the layers' constants take, with these offers besides whole layers.

        Operators with the same weights count once: their constants may be stored once.
        """
        least: dict[object, int] = {}
        for index, op in enumerate(self.graph.ops):
            offers = (*self._selection.offers_of(op)[0], *by_rows(index))
            if offers:
                key, size = self._weights(op), min(choice.flash for choice in offers)
                least[key] = max(least.get(key, 0), size)
        return sum(least.values()) + GLUE_CODE_BYTES

    def _weights(self, op: Op) -> object:
        """The bytes of the operator's largest constant, or itself where it has none."""
        data = [
            tensor.data
            for tensor in self.graph.io(op).inputs
            if tensor is not None and tensor.data is not None
        ]
        return max(data, key=lambda d: d.nbytes).tobytes() if data else op.outputs

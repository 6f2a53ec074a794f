"""Layers whose constants are copied into the arena just before they run.

Convolutions read their weights once for every pixel or two. From flash with wait states, without a
data cache that holds them, most of these reads stall; a copy in RAM is paid for once. It takes
memory in one step and cycles for the copying; the arithmetic is the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from edgegen.kernels.base import Cost
from edgegen.kernels.formats import round_up
from edgegen.kernels.program import KernelCall, Program
from edgegen.plan.plan import plan
from edgegen.target.board import Board
from edgegen.target.cores import Core

STAGING = ("off", "auto", "all")
"""Which layers: none, those where it pays, or every one that has constants."""

WORD = 4
BLOCK = 16
"""Bytes that the copy loop moves at a time (`templates/lib/stage.c.j2`)."""
BLOCK_COST = {"fast": Cost(12, 15), "m0+": Cost(12, 21)}
"""Of one block, by core; GCC's code, counted."""
CALL_COST = Cost(18, 28)
"""Of one call besides its blocks, counted."""
EXTERNAL_PASSES = 2
"""Passes over constants in external flash from which copying pays, whatever that flash is."""


@dataclass(frozen=True)
class Reading:
    """How the core reads constants where they lie.

    Attributes:
        wait_states: cycles that a read adds which misses.
        unit: bytes that one read returns.
        cached: bytes of constants that a data cache keeps from one pass to the next.
        external: whether it is flash without known timing.
    """

    wait_states: int
    unit: int
    cached: int
    external: bool

    @classmethod
    def of(cls, board: Board) -> Reading:
        """What the board file says about the region of its weights.

        Where it does not say what a read returns, it is taken to be a word, and a cache of unknown
        size to hold everything.
        """
        region, flash = board.placement.weights, board.flash
        if region.kind == "ram":
            return cls(0, WORD, 0, external=False)
        if region.external:
            return cls(0, WORD, 0, external=True)
        sizes = [c.bytes for c in flash.caches if c.kind != "instruction"]
        cached = max((1 << 32 if size is None else size for size in sizes), default=0)
        return cls(flash.wait_states, flash.read_bytes or WORD, cached, external=False)

    def stalls(self, size: int, passes: int) -> int:
        """Predicted stall cycles of reading `size` bytes so many times."""
        times = 1 if size <= self.cached else passes
        return times * -(-size // self.unit) * self.wait_states

    def gain(self, size: int, passes: int, core: Core) -> int:
        """Predicted cycles that a copy saves; 0 where it does not pay."""
        if self.external:
            return size * (passes - 1) if passes >= EXTERNAL_PASSES else 0
        spent = self.stalls(size, 1) + copy_cost([size], core).cycles
        return max(0, self.stalls(size, passes) - spent)


def copy_cost(sizes: Iterable[int], core: Core) -> Cost:
    """Predicted cost of copying arrays of these sizes."""
    block = BLOCK_COST.get(core.pricing, BLOCK_COST["fast"])
    instructions = cycles = 0
    for size in sizes:
        blocks = -(-size // BLOCK)
        instructions += CALL_COST.instructions + blocks * block.instructions
        cycles += CALL_COST.cycles + blocks * block.cycles
    return Cost(instructions, cycles)


def stage(program: Program, reading: Reading, which: str, ram_budget: int | None = None) -> Program:
    """Marks the calls whose constants are to be copied, the most cycles saved first.

    Calls that run by rows keep theirs where they are: they would be copied for every row.

    Args:
        program: with kernels and buffers chosen.
        reading: how constants are read where they lie.
        which: one of `STAGING`.
        ram_budget: bytes that the arena may take; None for any number.
    """
    if which == "off":
        return program
    gains = {}
    for index, call in enumerate(program.calls):
        size = staged_bytes(call)
        if size and call.rows is None:
            passes = call.kernel.constant_passes(call.op, call.io)
            gain = reading.gain(size, passes, program.core)
            if gain > 0 or which == "all":
                gains[index] = gain
    for index in sorted(gains, key=lambda i: (-gains[i], i)):
        trial = _staged(program, index)
        if ram_budget is None or plan(trial).arena.size <= ram_budget:
            program = trial
    return program


def staged_bytes(call: KernelCall) -> int:
    """Memory that a copy of a call's constants takes, each array aligned to words."""
    return sum(round_up(size, WORD) for size in _sizes(call))


def _sizes(call: KernelCall) -> list[int]:
    return [c.data.nbytes for c in call.kernel.pack(call.op, call.io).constants]


def _staged(program: Program, index: int) -> Program:
    call = program.calls[index]
    extra = copy_cost(_sizes(call), program.core)
    cost = Cost(call.cost.instructions + extra.instructions, call.cost.cycles + extra.cycles)
    marked = replace(call, staged_bytes=staged_bytes(call), cost=cost)
    return replace(program, calls=(*program.calls[:index], marked, *program.calls[index + 1 :]))

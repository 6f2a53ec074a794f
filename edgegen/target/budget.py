"""Kernel selection within a board's flash and RAM: the fastest program that fits.

Fast kernels may need several times the flash: Winograd's weights take eight times theirs. With a
price on every byte of flash, selection takes such a kernel only where it saves enough cycles for
each byte more; the lowest price at which all fits is found by bisection. What is left over
then goes to single operators, the most cycles first. RAM is a limit on the buffers of each step,
which selection keeps to by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgegen.errors import InternalError
from edgegen.ir import Graph, Op
from edgegen.kernels.program import KernelCall, Program
from edgegen.plan.plan import Plan, plan
from edgegen.target.choices import Choice
from edgegen.target.cores import Core
from edgegen.target.fit import CALL_CODE_BYTES, GLUE_CODE_BYTES
from edgegen.target.select import OBJECTIVES, Filter, Selection

PRICES = (-4.0, 14.0)
"""Range of the price of a byte, as powers of two of a cycle."""
ROUGH_STEPS = 10
"""Halvings of the range with code left out of the price, which is an order of magnitude faster."""
FINE_STEPS = 4
"""Halvings of what is left of it, a little widened, with code."""
RAM_ROUNDS = 4
"""How often the limit is lowered by what fragmentation adds to the arena."""

LITTLE_SCRATCH = 512
"""Bytes; plain C kernels need no more."""

_Key = tuple[object, ...]
_Site = tuple[int, str]
"""An operator: its number in the model and its stem."""


def select_within(
    graph: Graph,
    core: Core,
    optimize: str,
    flash_budget: int | None = None,
    ram_budget: int | None = None,
    *,
    streaming: bool = True,
) -> Program:
    """Chooses kernels and formats so that constants, code and arena fit, if they can.

    Args:
        graph: a verified graph.
        core: the core that the code will run on.
        optimize: one of `OPTIMIZE`; what to minimise among what fits.
        flash_budget: bytes for constants and the estimated code; None for any number.
        ram_budget: bytes for the arena; None for any number. `ram` takes as few as it can.
        streaming: whether layers may run by rows where RAM is short.

    Returns:
        The best program found that fits, or the smallest if none does.
    """
    search = Search(graph, core, optimize, flash_budget, ram_budget, streaming)
    return search.program()


class Search:
    """Programs of one graph at various prices of flash.

    Attributes:
        free: after a search: whether the flash budget made no difference.
        ample: after it: any RAM budget from here up to the one it was made with, neither.
    """

    def __init__(
        self,
        graph: Graph,
        core: Core,
        optimize: str,
        flash_budget: int | None,
        ram_budget: int | None,
        streaming: bool,
        selection: Selection | None = None,
    ) -> None:
        self.optimize, self.objective = optimize, OBJECTIVES[optimize]
        self.flash_budget, self.ram_budget = flash_budget, ram_budget
        self.selection = selection or Selection(
            graph, core, self.objective, None, None, streaming=streaming
        )
        self.limit = ram_budget
        self.constants: dict[_Key, int] = {}
        self.plans: dict[_Key, Plan] = {}
        self.ample, self.free = 0, False

    def program(self) -> Program:
        """The best program found that fits, or the smallest if none does."""
        if self.objective.scalar:
            return self.attempt(0.0)
        if self.optimize != "ram":
            fastest = self.best()
            if self.ram_budget is None or self.arena(fastest) <= self.ram_budget:
                return fastest
            # Offsets took more than the steps on their own: what is smallest may still fit.
            return min(fastest, self.smallest(), key=self.arena)
        smallest = self.smallest()
        self.ram_budget = self.limit = self.arena(smallest)
        fastest = self.best()
        return fastest if self.arena(fastest) <= self.ram_budget else smallest

    @property
    def hopeless(self) -> bool:
        """Whether not even inputs or outputs alone are within the RAM budget."""
        return self.ram_budget is not None and least_arena(self.selection.graph) > self.ram_budget

    def smallest(self) -> Program:
        """The program with the smallest arena found.

        The step that needs the most bytes on its own sets the limit. Offsets may need more: where
        each layer's output lies a little below its input, a chain of layers drifts apart, and
        scratch memory comes in between. Then kernels that overwrite their input in its very place
        are preferred, and kernels with little scratch.
        """
        found: list[tuple[int, int, bool, Program]] = []
        for allow in (None, _little_scratch):
            for steady in (False, True):
                selection = self.selection.vary(self.objective, allow, 0)
                selection.steady = steady
                program = selection.program(self.optimize)
                found.append((self.arena(program), len(found), steady, program))
                if found[-1][0] <= selection.least_ram():
                    break
            else:
                continue
            break
        _, _, self.selection.steady, program = min(found)
        return program

    def best(self) -> Program:
        """The program with the fewest cycles that fits, as far as prices can tell."""
        free = self.attempt(0.0)
        self.free = self.fits(free)
        if self.free or self.hopeless:
            return free
        least = self.attempt(2.0 ** PRICES[1])
        if not self.fits(least):
            return least
        _, rough, _ = self.cheapest(*PRICES, least, ROUGH_STEPS, rough=True)
        bracket = (max(rough - 2, PRICES[0]), min(rough + 1, PRICES[1]))
        top = self.attempt(2.0 ** bracket[1])
        if not self.fits(top):
            bracket, top = (bracket[1], PRICES[1]), least
        _, price, found = self.cheapest(*bracket, top, FINE_STEPS)
        return self.spend_rest(found, 2.0**price)

    def cheapest(
        self, low: float, high: float, found: Program, steps: int, *, rough: bool = False
    ) -> tuple[float, float, Program]:
        """Halves a range of prices, too low at one end, until the lowest that is high enough.

        Args:
            low: a price at which the program is too large, a power of two of a cycle.
            high: one at which it fits.
            found: the program at `high`.
            steps: number of halvings.
            rough: whether to leave code out of the price.

        Returns:
            The narrowed range, and the program at its upper end.
        """
        for _ in range(steps):
            middle = (low + high) / 2
            program = self.attempt(2.0**middle, rough=rough)
            if self.fits(program):
                high, found = middle, program
            else:
                low = middle
        return low, high, found

    def spend_rest(self, found: Program, price: float) -> Program:
        """Gives operators faster kernels where there is room, the most cycles first.

        Args:
            found: the program at `price`.
            price: of a byte, in cycles.
        """
        forced = {_site(call.op): call.kernel.path for call in found.calls}
        for site, path in self.faster(found):
            trial = {**forced, site: path}
            try:
                program = self.attempt(price, trial)
            except InternalError:  # no other kernels go with these
                continue
            if self.fits(program) and cycles(program) < cycles(found):
                found, forced = program, trial
        return found

    def faster(self, found: Program) -> list[tuple[_Site, str]]:
        """Kernels that would save cycles and whose constants there is room for, best first."""
        assert self.flash_budget is not None
        rest = self.flash_budget - flash_bytes(found)
        calls = {_site(call.op): call for call in found.calls}
        gains: dict[tuple[_Site, str], int] = {}
        for op in self.selection.graph.ops:
            if _site(op) not in calls:  # only another name for its input
                continue
            call = calls[_site(op)]
            room = rest + self.constants[_key(call)]
            for choice in self.selection.offers[op.outputs[0]][0]:
                gain = call.cost.cycles - choice.cost.cycles
                key = (_site(op), choice.kernel.path)
                if gain > 0 and choice.kernel != call.kernel and choice.flash <= room:
                    gains[key] = max(gain, gains.get(key, 0))
        return sorted(gains, key=lambda k: (-gains[k], k))

    def attempt(
        self, price: float, forced: Mapping[_Site, str] | None = None, *, rough: bool = False
    ) -> Program:
        """The best program at a price of flash, within the RAM budget if that is possible.

        Args:
            price: of a byte of flash, in cycles.
            forced: paths of kernels that operators must have.
            rough: whether code is free.
        """
        base = self.objective
        code = 0.0 if rough else base.code + price
        objective = replace(base, byte=base.byte + price, code=code)
        allow = None if forced is None else _only(forced)
        selection = self.selection.vary(objective, allow, self.limit)
        program = selection.program(self.optimize)
        self.ample = max(self.ample, selection.ample, self.arena(program) if self.limit else 0)
        for _ in range(RAM_ROUNDS):
            if self.limit is None or self.ram_budget is None:
                break
            excess = self.arena(program) - self.ram_budget
            if excess <= 0 or self.limit - excess <= 0:
                break
            tighter = self.selection.vary(objective, allow, self.limit - excess)
            other = tighter.program(self.optimize)
            if self.arena(other) >= self.arena(program):
                break
            self.limit, program = self.limit - excess, other
        return program

    def fits(self, program: Program) -> bool:
        """Whether constants and code are within the flash budget."""
        if self.flash_budget is None:
            return True
        for call in program.calls:
            if _key(call) not in self.constants:
                self.constants[_key(call)] = constant_bytes(call)
        used = sum(self.constants[_key(call)] for call in program.calls) + code_bytes(program)
        return used <= self.flash_budget

    def arena(self, program: Program) -> int:
        """Bytes of the planned arena."""
        return self.plan(program).arena.size

    def plan(self, program: Program) -> Plan:
        """The plan of a program; equal calls have one plan."""
        key = (*(_key(call) for call in program.calls), *program.streams)
        if key not in self.plans:
            self.plans[key] = plan(program)
        return self.plans[key]


def _little_scratch(_op: Op, choice: Choice) -> bool:
    return choice.scratch <= LITTLE_SCRATCH


def least_arena(graph: Graph) -> int:
    """Bytes that no arena of a graph can do without: all its inputs, or all its outputs."""
    whole = [n for n in graph.inputs if n not in graph.by_rows]
    return max(
        sum(graph.tensor(name).type.bytes for name in names)
        for names in (whole, dict.fromkeys(graph.outputs))
    )


def flash_bytes(program: Program) -> int:
    """Bytes of constants and estimated bytes of code."""
    return sum(constant_bytes(call) for call in program.calls) + code_bytes(program)


def constant_bytes(call: KernelCall) -> int:
    """Bytes of a call's packed constants."""
    return sum(c.data.nbytes for c in call.kernel.pack(call.op, call.io).constants)


def code_bytes(program: Program) -> int:
    """Estimated bytes of code: every C function once, a little for every layer."""
    functions: dict[str, int] = {}
    for call in program.calls:
        functions.update(call.kernel.code(call.op, call.io))
    return sum(functions.values()) + CALL_CODE_BYTES * len(program.calls) + GLUE_CODE_BYTES


def cycles(program: Program) -> int:
    """Predicted cycles of an inference."""
    return sum(call.cost.cycles for call in program.calls)


def _key(call: KernelCall) -> _Key:
    by_rows = call.rows is not None
    return (
        call.op.outputs,
        call.kernel.path,
        call.io.input_formats,
        call.io.output_format,
        by_rows,
    )


def _site(op: Op) -> _Site:
    return op.origin.index, op.stem


def _only(forced: Mapping[_Site, str]) -> Filter:
    """Allows the forced kernels, and all kernels for other operators."""

    def allow(op: Op, choice: Choice) -> bool:
        return forced.get(_site(op), choice.kernel.path) == choice.kernel.path

    return allow

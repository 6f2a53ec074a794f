"""Kernel selection: Graph to Program.

Every operator gets a kernel, every tensor a format, so that predicted cycles (and, with a weight,
flash) are least in all. Kernels offer combinations of formats; where a tensor is stored in another
format than its reader wants, a `reformat` step is inserted at its own cost. The choice is exact: a
dynamic program over the operators in order, whose state is the formats of the tensors alive. The
`scalar` kernel of an operator accepts all that its shape rule accepts, so selection cannot fail.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable

from edgegen.errors import EdgegenError, InternalError, Problem, UnsupportedError
from edgegen.ir import Graph, Op, Tensor
from edgegen.kernels.base import Cost
from edgegen.kernels.formats import Format
from edgegen.kernels.program import Program, Rejection
from edgegen.target.choices import Choice, Objective, choices, rejections
from edgegen.target.cores import Core
from edgegen.target.lay_out import Builder, Step, reformat
from edgegen.target.paths import NO_LIMIT, Paths
from edgegen.target.stream_ram import StreamRam
from edgegen.target.streams import Streams

OPTIMIZE = ("speed", "balanced", "ram", "size", "scalar")
"""What a user may prefer: cycles at any price, cycles without expanded constants, the smallest
arena, small code, or plain C for every layer."""

SPEED_CODE = 1.0
"""Cycles that a byte of code is worth under `speed`: kernels of nearly equal cost are shared."""
BALANCED_CODE = 12.0
"""The same under `balanced`: a tile of 2 kB must save 25,000 cycles."""
SMALL_FUNCTION = 400
"""Bytes of a function below which it is not worth trying to do without."""
CODE_ROUNDS = 3
"""Rounds of sharing out the code; the first ones settle nearly everything."""

OBJECTIVES = {
    "speed": Objective(code=SPEED_CODE),
    "balanced": Objective(code=BALANCED_CODE, expand=False),
    "ram": Objective(code=BALANCED_CODE, expand=False),
    "size": Objective(scalar=True, expand=False),
    "scalar": Objective(scalar=True, expand=False),
}
"""What each preference minimises."""

_Users = dict[str, set[str]]
"""Operators, by their outputs, that need a C function."""


_NO_KERNEL = "no kernel accepts some operator"
_WHOLE_INPUT = Problem(
    "the input cannot come row by row",
    why="the layers that read it need the whole image first",
    hint="leave --input-rows out",
)

Filter = Callable[[Op, Choice], bool]
"""Whether a choice may be taken; for tests and experiments."""


def select(
    graph: Graph,
    core: Core,
    optimize: str = "balanced",
    objective: Objective | None = None,
    allow: Filter | None = None,
    ram: int | None = None,
    *,
    streaming: bool = True,
) -> Program:
    """Chooses kernels and formats.

    Args:
        graph: a verified graph.
        core: the core that the code will run on.
        optimize: one of `OPTIMIZE`.
        objective: what to minimise; that of `optimize` when None.
        allow: leaves choices out; None allows all.
        ram: bytes that the buffers of any step may take together; steps that cannot do with so
            little take as little as they can. None allows any number.
        streaming: whether layers may run by rows where RAM is short.
    """
    chosen = objective or OBJECTIVES[optimize]
    selection = Selection(graph, core, chosen, allow, ram, streaming=streaming)
    return selection.program(optimize)


def owners(graph: Graph) -> dict[str, str]:
    """The tensor that defines the bytes of each activation; itself unless it is an alias."""
    owner = {name: name for name in graph.inputs}
    for op in graph.ops:
        source = op.alias_of(graph.io(op))
        for name in op.outputs:
            alias = None if source is None else op.inputs[source]
            owner[name] = name if alias is None else owner[alias]
    return owner


class Selection:
    """The dynamic program over one graph; see `select` for the arguments.

    Attributes:
        ample: after a program was made: any limit of RAM from here up to the one that it was made
            with leads to the same program.
    """

    def __init__(
        self,
        graph: Graph,
        core: Core,
        objective: Objective,
        allow: Filter | None,
        ram: int | None,
        *,
        streaming: bool = True,
    ) -> None:
        self.graph, self.core, self.objective = graph, core, objective
        self.allow, self.ram, self.streaming = allow, ram, streaming
        self.owner = owners(graph)
        self.users: _Users = {}
        self.joining = 1.0
        self.banned: frozenset[str] = frozenset()
        self.conversions: dict[tuple[str, Format, Format], Cost] = {}
        self.offers: dict[str, tuple[tuple[Choice, ...], tuple[Rejection, ...]]] = {}
        self.streams = Streams(graph, core, objective, self.owner)
        self.stream_ram = StreamRam(self.streams)
        self.staying: dict[Choice, bool] = {}
        self.shared: dict[tuple[Choice, int], int] = {}
        self.needs: dict[frozenset[str], list[int]] = {}
        self.floor: int | None = None
        self.steady = False
        self.ample = 0

    def vary(self, objective: Objective, allow: Filter | None, ram: int | None) -> Selection:
        """Another selection from the same offers: `objective` may differ in its weights only."""
        other = copy.copy(self)
        other.objective, other.allow, other.ram = objective, allow, ram
        other.floor, other.ample, other.needs = None, 0, {}
        return other

    def program(self, optimize: str) -> Program:
        """The cheapest program."""
        steps = self._settle()
        builder = Builder(self.graph, self.owner, self.core)
        for op, step in zip(self.graph.ops, steps, strict=True):
            if step.choice is None:
                builder.alias(op)
            else:
                builder.call(op, step, rejections(*self.offers_of(op), step.choice))
        return builder.program(optimize)

    def _settle(self) -> list[Step]:
        """The cheapest steps with their code.

        A C function costs flash once however many layers call it, which a sum over operators
        cannot say. So each operator is charged a share: at first as if all that could call the
        function did, or as if nobody else did; then by the users that it had in the round
        before. The best of all rounds is taken.
        """
        self.users, self.banned = {}, frozenset()
        if not self.objective.code:
            return self._solve()
        offered: _Users = {}
        for op in self.graph.ops:
            if op.alias_of(self.graph.io(op)) is None:
                for name in {n for choice in self.offers_of(op)[0] for n in choice.code}:
                    offered.setdefault(name, set()).add(op.outputs[0])
        found: list[list[Step]] = []
        solved: list[_Users] = []
        for users in (offered, {}):
            self.users = users
            for _ in range(CODE_ROUNDS):
                if self.users not in solved:  # else the same prices lead to the same steps
                    solved.append(self.users)
                    found.append(self._solve())
                self.users = self._users(found[solved.index(self.users)])
        return self._without(min(found, key=self._total))

    def _users(self, steps: Iterable[Step]) -> _Users:
        """The operators that need each function, by their outputs."""
        users: _Users = {}
        for op, step in zip(self.graph.ops, steps, strict=True):
            for name in step.choice.code if step.choice else ():
                users.setdefault(name, set()).add(op.outputs[0])
        return users

    def _without(self, best: list[Step]) -> list[Step]:
        """Does without functions, largest first, where others can take their layers over."""
        sizes = {n: size for s in best if s.choice for n, size in s.choice.code.items()}
        for name in sorted(sizes, key=lambda n: (-sizes[n], n)):
            if sizes[name] < SMALL_FUNCTION:
                break
            # What others need anyway is free now: only whole functions come and go.
            self.users, self.joining = self._users(best), 0.0
            self.banned = self.banned | {name}
            if self._at_least(best) >= self._total(best):
                self.banned = self.banned - {name}
                continue
            floor = self.floor
            try:
                steps = self._solve()
            except (InternalError, UnsupportedError):  # some layer has no other kernel
                steps = best
            if self._total(steps) < self._total(best) and self._roomy(steps, best):
                best = steps
            else:
                self.banned, self.floor = self.banned - {name}, floor
        self.joining = 1.0
        return best

    def _at_least(self, best: Iterable[Step]) -> float:
        """What steps cost at least, code left out, whatever RAM they need.

        Rows count where `best` has some: where whole layers had room, they are not looked for.
        """
        total = 0.0
        streams = self._may_stream and any(s.stream is not None for s in best)
        for index, op in enumerate(self.graph.ops):
            if op.alias_of(self.graph.io(op)) is None:
                by_rows = self.streams.choices(index) if streams else ()
                both = (*self.offers_of(op)[0], *(c for c in by_rows if self.usable(op, c)))
                values = (self.objective.value(c.cost, c.flash) for c in both)
                total += min(values, default=math.inf)
        return total

    @property
    def _may_stream(self) -> bool:
        """Whether operators may run by rows."""
        return self.streaming or bool(self.graph.by_rows)

    def _roomy(self, steps: Iterable[Step], best: Iterable[Step]) -> bool:
        """Whether `steps` keep to the RAM limit, or need no more than `best`."""
        if self.ram is None:
            return True
        return max(s.ram for s in steps) <= max(self.ram, *(s.ram for s in best))

    def _total(self, steps: Iterable[Step]) -> float:
        """What the steps cost, each function counted once, conversions left out."""
        chosen = [s.choice for s in steps if s.choice]
        code = {name: size for c in chosen for name, size in c.code.items()}
        weights = self.objective
        return sum(weights.value(c.cost, c.flash) for c in chosen) + weights.code * sum(
            code.values()
        )

    def _code(self, op: Op, choice: Choice) -> float:
        """The operator's share of the C functions that the choice needs."""
        total = 0.0
        for name, size in choice.code.items():
            others = len(self.users.get(name, set()) - {op.outputs[0]})
            total += size / (1 + others) * (self.joining if others else 1.0)
        return self.objective.code * total

    def _solve(self) -> list[Step]:
        """The cheapest sequence of steps, one for each operator, within the RAM limit.

        Where nothing keeps to the limit, the limit is the lowest that something keeps to.
        """
        # Looking for streams takes long: they come in where whole operators need too much.
        steps = None
        if self.ram is None or not self.graph.by_rows:
            steps = self._whole()
        if steps is None and self.ram is not None:
            self.ample = NO_LIMIT
            steps = Paths(self).cheapest(self.ram, self._tight(self.ram))
            if steps is None:
                steps = self._squeezed(self.ram)
        if steps is None:
            raise self._no_way()
        return steps

    def _squeezed(self, ram: int) -> list[Step] | None:
        """The cheapest steps where layers that need too much on their own by rows do not help.

        The limit is what something keeps to.
        """
        limit = max(ram, self.least_ram())
        steps = Paths(self).cheapest(limit, self._tight(limit)) if limit > ram else None
        if steps is None and self.streaming:
            # Operators that could keep to the limit alone, but not after their neighbours.
            every = set(range(len(self.graph.ops)))
            steps = Paths(self).cheapest(limit, every)
            if steps is None:
                # The lowest limit was found at other prices, with other kernels in streams.
                self.floor = None
                steps = Paths(self).cheapest(max(ram, self.least_ram()), every)
        return steps

    def _no_way(self) -> EdgegenError:
        """What it means that no steps lead through the graph."""
        if self.graph.by_rows:
            return UnsupportedError(_WHOLE_INPUT)
        return InternalError(_NO_KERNEL)

    def _whole(self) -> list[Step] | None:
        """The cheapest steps where every operator is computed as a whole, if there are any."""
        steps = Paths(self, roomy=True).cheapest(None, set())
        if self.ram is not None and (steps is None or _widest(steps) > self.ram):
            steps = Paths(self).cheapest(self.ram, set())
        if steps is not None:
            self.ample = max(self.ample, _widest(steps))
        return steps

    def least_ram(self) -> int:
        """The least RAM with which the graph runs, as far as steps on their own can tell."""
        if self.floor is None:
            floor = Paths(self).narrowest(set())
            while self.streaming:
                better = Paths(self).narrowest(self._tight(floor - 1), floor)
                if better >= floor:
                    break
                floor = better
            if floor == NO_LIMIT:
                raise self._no_way()
            self.floor = floor
        return self.floor

    def _tight(self, limit: int) -> set[int]:
        """Operators that no kernel runs within a limit as a whole."""
        if not self.streaming:
            return set()
        if self.banned not in self.needs:
            self.needs[self.banned] = Paths(self).least_ram()
        return {i for i, need in enumerate(self.needs[self.banned]) if need > limit}

    def price(self, op: Op, choice: Choice) -> float:
        """What a choice costs at the objective's weights, with its share of code."""
        return self.objective.value(choice.cost, choice.flash) + self._code(op, choice)

    def usable(self, op: Op, choice: Choice) -> bool:
        """Whether a choice may be taken."""
        allowed = self.allow is None or self.allow(op, choice)
        return allowed and self.banned.isdisjoint(choice.code)

    def conversion(self, tensor: Tensor, stored: Format, wanted: Format) -> float:
        """What storing a tensor in another format costs."""
        if stored == wanted:
            return 0.0
        key = (tensor.name, stored, wanted)
        if key not in self.conversions:
            self.conversions[key] = reformat(tensor, tensor, stored, wanted, self.core)[1].cost
        return self.objective.value(self.conversions[key], 0)

    def offers_of(self, op: Op) -> tuple[tuple[Choice, ...], tuple[Rejection, ...]]:
        """The choices that may be taken for an operator, and why other kernels are none."""
        key = op.outputs[0]
        if key not in self.offers:
            self.offers[key] = choices(op, self.graph.io(op), self.core, self.objective)
        offers, rejected = self.offers[key]
        return tuple(c for c in offers if self.usable(op, c)), rejected


def _widest(steps: Iterable[Step]) -> int:
    """The RAM of the step that needs the most."""
    return max((s.ram for s in steps), default=0)

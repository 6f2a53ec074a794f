"""Kernel selection: Graph to Program.

Every operator gets a kernel, every tensor a format, so that predicted cycles (and, with a weight,
flash) are least in all. Kernels offer combinations of formats; where a tensor is stored in another
format than its reader wants, a `reformat` step is inserted at its own cost. The choice is exact: a
dynamic program over the operators in order, whose state is the formats of the tensors alive. The
`scalar` kernel of an operator accepts all that its shape rule accepts, so selection cannot fail.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from edgegen.errors import InternalError
from edgegen.ir import Graph, Op, Tensor, TensorKind
from edgegen.kernels.base import Cost
from edgegen.kernels.formats import DENSE, Format
from edgegen.kernels.program import Program, Rejection
from edgegen.target.choices import Choice, Objective, choices
from edgegen.target.cores import Core
from edgegen.target.lay_out import Builder, State, Step, reformat

OPTIMIZE = ("speed", "balanced", "size", "scalar")
"""What a user may prefer: cycles at any price, cycles without expanded constants, small code and
RAM, or plain C for every layer."""

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
    "size": Objective(scalar=True, expand=False),
    "scalar": Objective(scalar=True, expand=False),
}
"""What each preference minimises."""

_Users = dict[str, set[str]]
"""Operators, by their outputs, that need a C function."""


@dataclass(frozen=True)
class _Priced:
    """A choice, its price without conversions, and the bytes of its output."""

    choice: Choice
    price: float
    written: int


Filter = Callable[[Op, Choice], bool]
"""Whether a choice may be taken; for tests and experiments."""


def select(
    graph: Graph,
    core: Core,
    optimize: str = "balanced",
    objective: Objective | None = None,
    allow: Filter | None = None,
    ram: int | None = None,
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
    """
    chosen = objective or OBJECTIVES[optimize]
    return Selection(graph, core, chosen, allow, ram).program(optimize)


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
    """The dynamic program over one graph; see `select` for the arguments."""

    def __init__(
        self,
        graph: Graph,
        core: Core,
        objective: Objective,
        allow: Filter | None,
        ram: int | None,
    ) -> None:
        self.graph, self.core, self.objective = graph, core, objective
        self.allow, self.ram = allow, ram
        self.owner = owners(graph)
        self.users: _Users = {}
        self.joining = 1.0
        self.banned: frozenset[str] = frozenset()
        self.conversions: dict[tuple[str, Format, Format], Cost] = {}
        self.offers: dict[str, tuple[tuple[Choice, ...], tuple[Rejection, ...]]] = {}

    def vary(self, objective: Objective, allow: Filter | None, ram: int | None) -> Selection:
        """Another selection from the same offers: `objective` may differ in its weights only."""
        other = copy.copy(self)
        other.objective, other.allow, other.ram = objective, allow, ram
        return other

    def program(self, optimize: str) -> Program:
        """The cheapest program."""
        steps = self._settle()
        builder = Builder(self.graph, self.owner, self.core)
        for op, step in zip(self.graph.ops, steps, strict=True):
            if step.choice is None:
                builder.alias(op)
            else:
                builder.call(op, step, self._rejections(op, step.choice))
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
                for name in {n for choice in self._offers(op)[0] for n in choice.code}:
                    offered.setdefault(name, set()).add(op.outputs[0])
        found = []
        for users in (offered, {}):
            self.users = users
            for _ in range(CODE_ROUNDS):
                found.append(self._solve())
                self.users = self._users(found[-1])
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
            try:
                steps = self._solve()
            except InternalError:  # some layer has no other kernel
                steps = best
            if self._total(steps) < self._total(best) and self._roomy(steps, best):
                best = steps
            else:
                self.banned = self.banned - {name}
        self.joining = 1.0
        return best

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
        """The cheapest sequence of steps, one for each operator."""
        start: State = tuple(sorted((self.owner[n], DENSE) for n in self.graph.inputs))
        best: dict[State, float] = {start: 0.0}
        trail: list[dict[State, Step]] = []
        readers = Counter(
            self.owner[n] for op in self.graph.ops for n in op.inputs if n in self.owner
        )
        at_end = (*self.graph.outputs, *self.graph.kept)
        readers.update(self.owner[n] for n in at_end if n in self.owner)
        for op in self.graph.ops:
            readers.subtract(self.owner[n] for n in op.inputs if n in self.owner)
            after: dict[State, float] = {}
            steps: dict[State, Step] = {}
            for state, step, price in self._affordable(op, best):
                alive = dict(state)
                alive[self.owner[op.outputs[0]]] = step.stored
                key = tuple(sorted((n, f) for n, f in alive.items() if readers[n] > 0))
                if best[state] + price < after.get(key, float("inf")):
                    after[key], steps[key] = best[state] + price, step
            if not after:
                raise InternalError(f"no kernel accepts {self.graph.where(op)}")
            best = after
            trail.append(steps)
        return _walk_back(trail, min(best, key=lambda s: best[s]))

    def _affordable(self, op: Op, states: Iterable[State]) -> Iterator[tuple[State, Step, float]]:
        """Every step that can follow one of the states, with its price, within the RAM limit."""
        offers = self._priced(op)
        moves = [(state, *move) for state in states for move in self._moves(op, state, offers)]
        if self.ram is None or not moves:
            return iter(moves)
        limit = max(self.ram, min(step.ram for _, step, _ in moves))
        return (move for move in moves if move[1].ram <= limit)

    def _priced(self, op: Op) -> list[_Priced]:
        """An operator's choices with what does not depend on the state.

        Of several with the same formats only the cheapest counts, unless RAM is short.
        """
        io = self.graph.io(op)
        if op.alias_of(io) is not None:
            return []
        found: dict[object, _Priced] = {}
        for number, choice in enumerate(self._offers(op)[0]):
            price = self.objective.value(choice.cost, choice.flash) + self._code(op, choice)
            key = choice.formats if self.ram is None else number
            if key not in found or price < found[key].price:
                found[key] = _Priced(choice, price, choice.formats.output.size(io.output.type))
        return list(found.values())

    def _moves(
        self, op: Op, state: State, offers: Iterable[_Priced]
    ) -> Iterator[tuple[Step, float]]:
        """Every step that can follow a state, with its price."""
        io, stored = self.graph.io(op), dict(state)
        root = self.owner[op.outputs[0]]
        alias = op.alias_of(io)
        if alias is not None:
            source = io.input(alias)
            if self._keeps(stored[root], source, io.output, root):
                yield Step(None, stored[root], state), 0.0
            return
        is_output = root in {self.owner[n] for n in self.graph.outputs if n in self.owner}
        before = sum(f.size(self.graph.tensor(n).type) for n, f in state)
        inputs = [
            (i, tensor, stored[self.owner[tensor.name]])
            for i, tensor in enumerate(io.inputs)
            if tensor is not None and tensor.kind is not TensorKind.CONSTANT
        ]
        for offer in offers:
            choice, price, written = offer.choice, offer.price, offer.written
            ram = before + written + choice.scratch
            for i, tensor, known in inputs:
                wanted = choice.formats.inputs[i]
                if wanted != known:
                    price += self._conversion(tensor, known, wanted)
                    ram += wanted.size(tensor.type)
            if not is_output or choice.formats.output == DENSE:
                yield Step(choice, choice.formats.output, state, ram), price
            if choice.formats.output != DENSE:
                price += self._conversion(io.output, choice.formats.output, DENSE)
                ram = max(ram, before + written + DENSE.size(io.output.type))
                yield Step(choice, DENSE, state, ram), price

    def _keeps(self, stored: Format, source: Tensor, target: Tensor, root: str) -> bool:
        """Whether a reshape leaves a buffer's bytes meaningful."""
        return (
            stored.survives_reshape(source.type, target.type)
            and self.graph.tensor(root).type.bytes == target.type.bytes
        )

    def _conversion(self, tensor: Tensor, stored: Format, wanted: Format) -> float:
        if stored == wanted:
            return 0.0
        key = (tensor.name, stored, wanted)
        if key not in self.conversions:
            self.conversions[key] = reformat(tensor, tensor, stored, wanted, self.core)[1].cost
        return self.objective.value(self.conversions[key], 0)

    def _offers(self, op: Op) -> tuple[tuple[Choice, ...], tuple[Rejection, ...]]:
        key = op.outputs[0]
        if key not in self.offers:
            self.offers[key] = choices(op, self.graph.io(op), self.core, self.objective)
        offers, rejected = self.offers[key]
        if self.allow is not None:
            offers = tuple(c for c in offers if self.allow(op, c))
        if self.banned:
            offers = tuple(c for c in offers if self.banned.isdisjoint(c.code))
        return offers, rejected

    def _rejections(self, op: Op, chosen: Choice) -> tuple[Rejection, ...]:
        """Why each other kernel was not chosen."""
        offers, rejected = self._offers(op)
        others: dict[str, Choice] = {}
        for choice in offers:
            path = choice.kernel.path
            known = others.get(path)
            if path != chosen.kernel.path and (not known or choice.cost.cycles < known.cost.cycles):
                others[path] = choice
        reasons = [
            Rejection(
                path,
                f"predicted {_price(c)} against {_price(chosen)}",
            )
            for path, c in sorted(others.items())
        ]
        return (*rejected, *reasons)


def _price(choice: Choice) -> str:
    return (
        f"{choice.cost.cycles:,} cycles, {choice.flash:,} bytes of constants and "
        f"{choice.scratch:,} of scratch memory"
    )


def _walk_back(trail: list[dict[State, Step]], state: State) -> list[Step]:
    path = []
    for steps in reversed(trail):
        path.append(steps[state])
        state = steps[state].before
    return path[::-1]

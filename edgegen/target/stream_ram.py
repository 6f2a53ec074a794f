"""How much RAM streams take: bounds where they are enough, plans where they are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from edgegen.ir import Graph, Op, TensorKind
from edgegen.kernels.formats import round_up
from edgegen.kernels.program import Program
from edgegen.plan.arena import first_fit
from edgegen.plan.plan import ALIGNMENT
from edgegen.plan.stream_bound import StreamBound, stream_bound
from edgegen.plan.timeline import arena_problem
from edgegen.target.choices import Choice
from edgegen.target.lay_out import Builder, State, Step
from edgegen.target.rings import in_place_by_rows
from edgegen.target.streams import StreamMove, Streams

_Key = tuple[object, ...]


@dataclass(frozen=True)
class Need:
    """RAM of a stream and of the tensors that wait.

    Attributes:
        ram: bytes.
        planned: whether that is what it takes; else it takes no less.
    """

    ram: int
    planned: bool


@dataclass(frozen=True, eq=False)
class Wish:
    """A stream whose RAM may be of interest.

    Attributes:
        first: its first operator.
        move: the stream.
        entries: formats of the tensors that it reads.
        waiting: bytes of those that only wait.
        scratch: working memory of its operators, by the buffer that they write.
        plan: a number for everything that a plan depends on.
        bound: a number for everything that a bound depends on, scratch left out.
    """

    first: int
    move: StreamMove
    entries: State
    waiting: int
    scratch: Mapping[str, int]
    plan: int
    bound: int


class StreamRam:
    """The RAM of streams, each found out once, whatever the prices are."""

    def __init__(self, streams: Streams) -> None:
        self.streams = streams
        self._plans: dict[int, int] = {}
        self._bounds: dict[int, StreamBound] = {}
        self._least: dict[int, int] = {}
        self._numbers: dict[_Key, int] = {}
        self._kinds: dict[Choice, _Key] = {}

    def known(self, wish: Wish) -> Need:
        """What is known so far."""
        plan = self._plans.get(wish.plan)
        if plan is not None:
            return Need(plan + wish.waiting, planned=True)
        bound = self._bounds.get(wish.bound)
        if bound is None:
            return Need(wish.move.least, planned=False)
        if wish.plan not in self._least:
            self._least[wish.plan] = bound.with_scratch(wish.scratch)
        return Need(max(wish.move.least, self._least[wish.plan] + wish.waiting), planned=False)

    def need(self, wish: Wish, limit: int) -> Need:
        """Finds out what matters: whether it is more than a limit, bytes, and if not, how much."""
        need = self.known(wish)
        if need.planned or need.ram > limit:
            return need
        program = self._program(wish)
        if wish.bound not in self._bounds:
            self._bounds[wish.bound] = stream_bound(program)
            need = self.known(wish)
            if need.ram > limit:
                return need
        self._plans[wish.plan] = first_fit(arena_problem(program, ALIGNMENT))
        return self.known(wish)

    def wish(self, first: int, state: State, move: StreamMove) -> Wish:
        """A stream as its RAM depends on it.

        Args:
            first: its first operator.
            state: formats of the tensors alive before it.
            move: the stream.
        """
        graph, owner = self.streams.graph, self.streams.owner
        ops = graph.ops[first : move.end]
        read = {owner.get(n) for op in ops for n in op.inputs if n}
        entries = tuple((n, f) for n, f in state if n in read)
        sizes = (f.size(graph.tensor(n).type) for n, f in state if n not in read)
        chosen = tuple(step.choice for step in move.steps if step.choice)
        site = (first, entries, move.steps[0].copied)
        return Wish(
            first,
            move,
            entries,
            sum(round_up(size, ALIGNMENT) for size in sizes),
            {owner[op.outputs[0]]: c.scratch for op, c in zip(ops, chosen, strict=True)},
            self._number((*site, chosen)),
            self._number(
                (*site, *(self._kind(op, choice) for op, choice in zip(ops, chosen, strict=True)))
            ),
        )

    def _number(self, key: _Key) -> int:
        """A number for a key: keys are long, and are looked up often."""
        return self._numbers.setdefault(key, len(self._numbers))

    def _kind(self, op: Op, choice: Choice) -> _Key:
        """All of a choice that a bound depends on, scratch left out."""
        if choice not in self._kinds:
            over = [
                in_place_by_rows(op, choice.io, choice.kernel, k) for k in range(len(op.inputs))
            ]
            kind = (choice.formats, self.streams.accumulates(choice), any(over))
            self._kinds[choice] = kind
        return self._kinds[choice]

    def _program(self, wish: Wish) -> Program:
        """The stream alone, as a program."""
        whole, owner = self.streams.graph, self.streams.owner
        first, move = wish.first, wish.move
        ops = whole.ops[first : move.end]
        _, exits = self.streams.outside(first, move.end)
        names = [name for name, _ in wish.entries]
        lasting = [n for n in names if self.streams.last_reader.get(n, -1) >= move.end]
        inputs = {n: replace(whole.tensor(n), kind=TensorKind.INPUT) for n in names}
        graph = replace(
            whole,
            ops=ops,
            inputs=tuple(names),
            outputs=(*sorted(exits), *lasting),
            kept=(),
            by_rows=tuple(n for n in whole.by_rows if owner[n] in names),
            tensors={**whole.tensors, **inputs},
        )
        return _built(graph, self.streams, wish.entries, move.steps)


def _built(graph: Graph, streams: Streams, entries: State, steps: tuple[Step, ...]) -> Program:
    builder = Builder(graph, dict(streams.owner), streams.core)
    for name, form in entries:
        builder.store(name, form)
    for op, step in zip(graph.ops, steps, strict=True):
        builder.call(op, step, ())
    return builder.program("")

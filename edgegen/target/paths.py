"""The dynamic program of kernel selection: the best way through a graph, operator by operator.

The state is the formats of the tensors alive; a move computes one operator as a whole, or a run of
operators row by row.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgegen.kernels.formats import DENSE, Format
from edgegen.target.lay_out import State, Step
from edgegen.target.stream_ram import Need, Wish
from edgegen.target.streams import Terms
from edgegen.target.whole import Move, WholeOperators

if TYPE_CHECKING:
    from edgegen.target.select import Selection

NO_LIMIT = 1 << 62
"""Bytes; stands for any number."""
HASTY_ROUNDS = 40
"""Searches with few streams planned; if they do not settle it, all that may be of use are."""

_Find = Callable[[Wish], Need]
"""The RAM of a stream."""
_Moves = Callable[[int, State], dict[tuple[int, State], list[tuple[Move, int]]]]
"""What can follow an operator in a state: by the end and the state after, moves and bytes."""


@dataclass(frozen=True)
class _Back:
    """How a state was reached.

    Attributes:
        index: the operator from which.
        state: the state before it.
        move: what led here.
        ram: bytes that it takes.
        planned: whether it takes that much, or at least that much.
    """

    index: int
    state: State
    move: Move
    ram: int
    planned: bool


class Paths:
    """The ways through the graph of a selection, at its present prices."""

    def __init__(self, selection: Selection, *, roomy: bool = False) -> None:
        """`roomy` says that RAM does not matter, whatever limit the selection has."""
        self.selection = selection
        self.whole = WholeOperators(selection, roomy=roomy or selection.ram is None)
        self.graph, self.owner = selection.graph, selection.owner
        self.streams, self.ram = selection.streams, selection.stream_ram

    def cheapest(self, limit: int | None, wanted: set[int]) -> list[Step] | None:
        """The steps of least price, one for each operator; None where there is no way.

        Args:
            limit: bytes that the buffers of any step may take together; None: any number.
            wanted: operators that may run by rows, with their neighbours.
        """
        found = self._search(limit, wanted, narrow=False)
        return None if found is None else found[1]

    def narrowest(self, wanted: set[int], limit: int | None = None) -> int:
        """The least RAM, bytes, that some way keeps to; `limit` if none keeps to less.

        Without a limit it is `NO_LIMIT` if there is no way, for lack of kernels.

        Args:
            wanted: operators that may run by rows, with their neighbours.
            limit: what to fall below.
        """
        below = None if limit is None else limit - 1
        found = self._search(below, wanted, narrow=True)
        if found is None:
            return NO_LIMIT if limit is None else limit
        return round(found[0])

    def least_ram(self) -> list[int]:
        """For each operator the least RAM in which it runs as a whole, whatever came before."""
        least = []
        states = self._reachable()
        for index in range(len(self.graph.ops)):
            offers = self.whole.priced(index)
            moves = (
                self.whole.needed(index, m)
                for state in states[index]
                for m in self.whole.moves(index, state, offers)
            )
            least.append(min(moves, default=NO_LIMIT))
        return least

    def _reachable(self) -> list[set[State]]:
        """All states before each operator that whole operators lead to."""
        found: list[set[State]] = [set() for _ in range(len(self.graph.ops) + 1)]
        found[0].add(self._start())
        for index in range(len(self.graph.ops)):
            offers = self.whole.priced(index)
            for state in found[index]:
                for move in self.whole.moves(index, state, offers):
                    found[index + 1].add(self._after(state, index, move))
        return found

    def _start(self) -> State:
        return tuple(sorted((self.owner[n], DENSE) for n in self.graph.inputs))

    def _search(
        self, limit: int | None, wanted: set[int], *, narrow: bool
    ) -> tuple[float, list[Step]] | None:
        """The way of least cost, and the cost: the sum of prices, or the RAM of the widest move.

        Planning the RAM of a stream takes long, and few of the streams that there could be lie on
        the best way. So all but those planned before are first taken to need as little as they
        could; what lies on the way found is planned, until that changes nothing.
        """
        moves = self._moves(limit, wanted, narrow=narrow)
        most = NO_LIMIT if limit is None else limit
        for hasty in range(HASTY_ROUNDS, -1, -1):
            find = self.ram.known if hasty else functools.partial(self.ram.need, limit=most)
            found = self._way(limit, moves, find, narrow=narrow)
            if found is None:
                return None
            cost, way = found
            unsure = [back for back in way if not back.planned]
            for back in unsure:
                assert back.move.wish is not None
                self.ram.need(back.move.wish, most)
            if not unsure:
                break
        steps: list[Step] = []
        for back in way:
            whole = limit is None and back.move.wish is None
            ram = self.whole.needed(back.index, back.move) if whole else back.ram
            steps += [replace(step, ram=ram) for step in back.move.steps]
        return cost, steps

    def _way(
        self, limit: int | None, moves: _Moves, find: _Find, *, narrow: bool
    ) -> tuple[float, list[_Back]] | None:
        """The way of least cost as far as RAM is known.

        Args:
            limit: bytes; None for any number.
            moves: what can follow a state.
            find: the RAM of a stream, or what is known of it.
            narrow: whether RAM is the cost, not the price.
        """
        count = len(self.graph.ops)
        best: list[dict[State, float]] = [{} for _ in range(count + 1)]
        trail: list[dict[State, _Back]] = [{} for _ in range(count + 1)]
        best[0][self._start()] = 0.0
        for index in range(count):
            for state, cost in best[index].items():
                for (end, after), options in moves(index, state).items():
                    beaten = best[end].get(after, math.inf)
                    for move, ram in options:
                        if (max(cost, ram) if narrow else cost + move.price) >= beaten:
                            if narrow:
                                continue
                            break  # the others cost more
                        need = Need(ram, planned=True) if move.wish is None else find(move.wish)
                        value = max(cost, need.ram) if narrow else cost + move.price
                        if value < beaten and (limit is None or need.ram <= limit):
                            best[end][after] = beaten = value
                            back = _Back(index, state, move, need.ram, need.planned)
                            trail[end][after] = back
        if not best[count]:
            return None
        state = min(best[count], key=lambda s: best[count][s])
        return best[count][state], _walk_back(trail, state)

    def _moves(self, limit: int | None, wanted: set[int], *, narrow: bool) -> _Moves:
        """What can follow a state: moves by the state after them, and their RAM, or more.

        Each state's moves are made once. Overlap is looked at only where RAM matters; where it is
        not the cost, the cheapest moves come first.
        """
        tight = narrow or limit is not None
        priced = functools.cache(self.whole.priced)
        wished = self._terms(limit, wanted) if limit is not None and wanted else None
        # What reads an input that comes row by row runs by rows too, whatever it costs.
        by_rows = {i for i in range(len(self.graph.ops)) if self._delivered(i)}
        forced = self._terms(NO_LIMIT if limit is None else limit, by_rows)

        @functools.cache
        def follow(index: int, state: State) -> dict[tuple[int, State], list[tuple[Move, int]]]:
            found: dict[tuple[int, State], list[tuple[Move, int]]] = {}
            if index not in by_rows:
                ends: dict[Format, State] = {}
                for move in self.whole.moves(index, state, priced(index)):
                    ram = self._ram(index, move, limit) if tight else move.steps[0].ram
                    if limit is None or ram <= limit:
                        stored = move.steps[0].stored
                        if stored not in ends:
                            ends[stored] = self._after(state, index, move)
                        found.setdefault((move.end, ends[stored]), []).append((move, ram))
            terms = forced if index in by_rows else wished
            for stream in self.streams.moves(index, state, terms) if terms else ():
                wish = self.ram.wish(index, state, stream)
                move = Move(stream.end, stream.steps, stream.price, wish)
                key = (move.end, self._after(state, index, move))
                found.setdefault(key, []).append((move, stream.least))
            if not narrow:
                for options in found.values():
                    options.sort(key=lambda option: option[0].price)
            return found

        return follow

    def _terms(self, limit: int, wanted: set[int]) -> Terms:
        selection = self.selection
        return Terms(selection.price, selection.usable, limit, frozenset(wanted))

    def _ram(self, index: int, move: Move, limit: int | None) -> int:
        """Bytes of one operator as a whole; overlap is looked at only where it matters."""
        (step,) = move.steps
        if limit is not None and step.ram <= limit:
            return step.ram
        return self.whole.needed(index, move)

    def _after(self, state: State, index: int, move: Move) -> State:
        """The tensors alive after a move, and their formats."""
        alive = dict(state)
        for op, step in zip(self.graph.ops[index : move.end], move.steps, strict=True):
            alive[self.owner[op.outputs[0]]] = step.stored
        last = self.streams.last_reader
        return tuple(sorted((n, f) for n, f in alive.items() if last.get(n, -1) >= move.end))

    def _delivered(self, index: int) -> bool:
        """Whether an operator reads an input that the caller delivers row by row."""
        return any(
            name is not None and self.owner.get(name) in self.streams.delivered
            for name in self.graph.ops[index].inputs
        )


def _walk_back(trail: list[dict[State, _Back]], state: State) -> list[_Back]:
    """The moves that led to a state after the last operator."""
    way: list[_Back] = []
    index = len(trail) - 1
    while index:
        way.append(trail[index][state])
        index, state = way[-1].index, way[-1].state
    return way[::-1]

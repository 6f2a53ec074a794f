"""Which runs of operators can execute row by row, with which kernels, in how much RAM."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from edgegen.errors import Problem, UnsupportedError
from edgegen.ir import DType, Graph, Op, OpIO
from edgegen.kernels.formats import DENSE, HWC, Format, image
from edgegen.kernels.registry import row_kernels_for
from edgegen.kernels.rows import RowKernel
from edgegen.target.choices import Choice, Objective, offered, refusal
from edgegen.target.cores import Core
from edgegen.target.lay_out import State, Step, reformat

LONGEST = 64
"""Operators of one stream at most."""
MAX_ROWS = 1024
"""Rows of an image at most: the order of steps is stored, a byte a row."""
_ANY = "any"
"""Stands for the format of what is not in the arena."""
ROW_FORMATS = (HWC, DENSE)
"""Formats that keep the pixels of a row together, the preferred one first."""


@dataclass(frozen=True)
class Terms:
    """What streams are looked for at; what follows from it is kept.

    Attributes:
        price: of a choice for an operator.
        usable: whether a choice may be taken for an operator.
        limit: bytes; streams that surely need more are left out.
        wanted: only streams with one of these operators.
    """

    price: Callable[[Op, Choice], float]
    usable: Callable[[Op, Choice], bool]
    limit: int
    wanted: frozenset[int]
    picked: dict[tuple[object, ...], tuple[Choice, float] | None] = field(default_factory=dict)


@dataclass(frozen=True)
class StreamMove:
    """A run of operators by rows.

    Attributes:
        end: one past its last operator.
        steps: one for each operator.
        price: their sum.
        least: bytes of RAM that it surely needs; `StreamRam` finds out what it takes.
    """

    end: int
    steps: tuple[Step, ...]
    price: float
    least: int


def row_choices(op: Op, io: OpIO, core: Core, objective: Objective) -> tuple[Choice, ...]:
    """Every way to compute an operator row by row."""
    if op.row_windows(io) is None or len(io.outputs) != 1 or image(io.output.type)[0] > MAX_ROWS:
        return ()
    found = []
    for kernel in row_kernels_for(type(op)):
        if not refusal(kernel, op, io, core, objective):
            found += offered(kernel, op, io, core)
    return tuple(found)


class Streams:
    """The streams of one graph."""

    def __init__(
        self, graph: Graph, core: Core, objective: Objective, owner: Mapping[str, str]
    ) -> None:
        self.graph, self.core, self.objective, self.owner = graph, core, objective, owner
        self.ios = [graph.io(op) for op in graph.ops]
        self.last_reader: dict[str, int] = {}
        for i, op in enumerate(graph.ops):
            for name in op.inputs:
                if name is not None and name in owner:
                    self.last_reader[owner[name]] = i
        for name in (*graph.outputs, *graph.kept):
            if name in owner:
                self.last_reader[owner[name]] = len(graph.ops)
        self.delivered = {owner[n] for n in graph.by_rows}
        self.outputs = {owner[n] for n in graph.outputs if n in owner}
        self.touched = [
            {owner[n] for n in (*op.inputs, op.outputs[0]) if n is not None and n in owner}
            for op in graph.ops
        ]
        self._choices: dict[int, tuple[Choice, ...]] = {}
        self._formats: dict[int, tuple[frozenset[Format], ...]] = {}
        self._inner: dict[tuple[int, str, int], Format] = {}
        self._fits: dict[tuple[object, ...], list[Choice]] = {}
        self._bounds: dict[tuple[int, int, State], int] = {}

    def choices(self, index: int) -> tuple[Choice, ...]:
        """How an operator can go by rows; empty where it cannot."""
        if index not in self._choices:
            op, io = self.graph.ops[index], self.ios[index]
            alone = op.alias_of(io) is not None or any(self._reshaped(n) for n in op.inputs)
            found = () if alone else row_choices(op, io, self.core, self.objective)
            sums = tuple(c for c in found if self.accumulates(c))
            self._choices[index] = sums or found  # sums need one row where a window needs all
        return self._choices[index]

    def _reshaped(self, name: str | None) -> bool:
        """Whether a tensor's buffer has other rows: it was made with another shape."""
        root = None if name is None else self.owner.get(name)
        if name is None or root is None:
            return False
        return image(self.graph.tensor(name).type) != image(self.graph.tensor(root).type)

    def moves(self, first: int, state: State, terms: Terms) -> Iterator[StreamMove]:
        """Every stream that can begin with an operator in a state, its RAM not yet planned.

        Args:
            first: the operator.
            state: formats of the tensors alive before it.
            terms: prices, and what is wanted.
        """
        reach = max((i for i in terms.wanted if i >= first), default=-1)
        for end in range(first + 1, min(len(self.graph.ops), first + LONGEST) + 1):
            options = self.choices(end - 1)
            if not options or first > reach:
                return
            if any(first <= self.last_reader.get(n, -1) >= end for n in self.delivered):
                continue  # an input that comes by rows comes once, for all its readers
            if terms.wanted.isdisjoint(range(first, end)):
                continue
            key = (first, end, state)
            if key not in self._bounds:
                self._bounds[key] = self._at_least(first, end, state)
            least = self._bounds[key]
            if least > terms.limit:
                continue
            for steps, price in self._variants(first, end, state, terms):
                yield StreamMove(end, steps, price, least)
            if all(self.accumulates(c) for c in options):
                return  # an accumulating layer has one row of output: nothing to stream after it

    def _variants(
        self, first: int, end: int, state: State, terms: Terms
    ) -> Iterator[tuple[tuple[Step, ...], float]]:
        """Kernels for a stream and their price with conversions: the cheapest, and the leanest.

        A tensor that is read by rows may be converted or copied row by row into a ring first, so
        that what is written may replace it from its first row on.
        """
        read = {n for op in self.graph.ops[first:end] for n in op.inputs}
        entries = [
            (n, wanted)
            for n, f in state
            if n in read and f in ROW_FORMATS and self.graph.tensor(n).type.dtype is DType.INT8
            for wanted in ROW_FORMATS
        ]
        seen = set()
        for entry in (None, *entries):
            changed, copied, extra = state, frozenset[str](), 0.0
            if entry is not None:
                name, wanted = entry
                tensor, stored = self.graph.tensor(name), dict(state)[name]
                changed = tuple((n, wanted if n == name else f) for n, f in state)
                copied = frozenset({name})
                cost = reformat(tensor, tensor, stored, wanted, self.core)[1].cost
                extra = self.objective.value(cost, 0)
            for lean in (False, True):
                found = self._assign(first, end, changed, terms, lean=lean)
                if found is None:
                    break
                choices, price = found
                if (entry, choices) not in seen:
                    seen.add((entry, choices))
                    steps = tuple(
                        Step(c, c.formats.output, state, stream=first, copied=copied)
                        for c in choices
                    )
                    yield steps, extra + price

    @staticmethod
    def accumulates(choice: Choice) -> bool:
        """Whether a kernel takes its input a row at a time into sums."""
        return isinstance(choice.kernel, RowKernel) and choice.kernel.accumulates

    def outside(self, first: int, end: int) -> tuple[set[str], set[str]]:
        """Tensors that a stream writes, and those of them that are read after it."""
        written = {self.owner[op.outputs[0]] for op in self.graph.ops[first:end]}
        return written, {t for t in written if self.last_reader.get(t, -1) >= end}

    def _at_least(self, first: int, end: int, state: State) -> int:
        """Bytes that a stream surely needs: tensors that wait, and the rows that windows span.

        Rings may lie where the input was, and the output where rings were.
        """
        written, exits = self.outside(first, end)
        total = sum(
            form.size(self.graph.tensor(name).type)
            for name, form in state
            if self.last_reader.get(name, -1) >= end
        )
        dying = sum(
            form.size(self.graph.tensor(name).type)
            for name, form in state
            if self.last_reader.get(name, -1) < end and name not in self.delivered
        )
        inner = 0
        spans: dict[str, int] = {}
        for i, op, io in zip(
            range(first, end), self.graph.ops[first:end], self.ios[first:end], strict=True
        ):
            if any(self.accumulates(c) for c in self.choices(i)):
                continue
            for name, window in zip(op.inputs, op.row_windows(io) or (), strict=True):
                if name is not None and name in self.owner and window is not None:
                    root = self.owner[name]
                    spans[root] = max(spans.get(root, 0), window.taps)
        # What is computed from a dying input may lie over it.
        over = {
            self.owner[op.outputs[0]]
            for op in self.graph.ops[first:end]
            if any(n in self.owner and self.owner[n] not in written for n in op.inputs if n)
        }
        for name in written - exits - over:
            height, width, channels = image(self.graph.tensor(name).type)
            rows = min(spans.get(name, 1), height)
            # Rings of one row are often alive at different times.
            inner += rows * width * channels if rows > 1 else 0
        out = sum(self.graph.tensor(name).type.bytes for name in exits)
        return total + max(dying, out, inner)

    def _assign(
        self, first: int, end: int, state: State, terms: Terms, *, lean: bool
    ) -> tuple[tuple[Choice, ...], float] | None:
        """A kernel for each operator and their price, or None where none accepts the formats.

        A tensor inside is `hwc` where its writer and all readers can do that, else dense.
        """
        stored = dict(state)
        formats: dict[str, Format] = {
            name: form for name, form in stored.items() if form in ROW_FORMATS
        }
        for i in range(first, end):
            root = self.owner[self.graph.ops[i].outputs[0]]
            formats[root] = self._inner_format(i, root, end, dense=root in self.outputs)
        found: list[tuple[Choice, float]] = []
        while len(found) < end - first:
            i = first + len(found)
            best = self._pick(i, formats, terms, last=i == end - 1, lean=lean)
            if best is not None:
                found.append(best)
                continue
            wrong = {n for n in self.touched[i] - stored.keys() if formats[n] != DENSE}
            if not wrong:
                return None
            # This operator has no kernel for the mixture: its tensors become dense, and all over.
            formats.update(dict.fromkeys(wrong, DENSE))
            found.clear()
        return tuple(choice for choice, _ in found), sum(price for _, price in found)

    def _pick(
        self, index: int, formats: Mapping[str, Format], terms: Terms, *, last: bool, lean: bool
    ) -> tuple[Choice, float] | None:
        """The cheapest choice for an operator with its tensors in these formats, and its price.

        With `lean`, the cheapest of those with the least scratch.
        """
        op = self.graph.ops[index]
        stored = tuple(
            formats.get(self.owner[n]) if n is not None and n in self.owner else _ANY
            for n in (*op.inputs, op.outputs[0])
        )
        key = (index, stored, last, lean)
        if key not in terms.picked:
            fits = [c for c in self._fitting(index, stored, last=last) if terms.usable(op, c)]
            least = min((c.scratch for c in fits), default=0)
            priced = ((c, terms.price(op, c)) for c in fits if not lean or c.scratch == least)
            terms.picked[key] = min(
                priced, key=lambda found: (found[1], found[0].kernel.path), default=None
            )
        return terms.picked[key]

    def _fitting(
        self, index: int, stored: tuple[Format | str | None, ...], *, last: bool
    ) -> list[Choice]:
        """The choices for an operator with its inputs and its output in these formats."""
        key = (index, stored, last)
        if key not in self._fits:
            self._fits[key] = [
                c
                for c in self.choices(index)
                if all(
                    form in (_ANY, wanted)
                    for form, wanted in zip(
                        stored, (*c.formats.inputs, c.formats.output), strict=True
                    )
                )
                and (last or not self.accumulates(c))
            ]
        return self._fits[key]

    def _known_formats(self, index: int) -> tuple[frozenset[Format], ...]:
        """The formats that an operator's choices take for each input, and write."""
        if index not in self._formats:
            choices = self.choices(index)
            count = len(self.graph.ops[index].inputs)
            self._formats[index] = (
                *(frozenset(c.formats.inputs[k] for c in choices) for k in range(count)),
                frozenset(c.formats.output for c in choices),
            )
        return self._formats[index]

    def _inner_format(self, index: int, root: str, end: int, *, dense: bool) -> Format:
        """The best format that the writer and all readers inside the stream know."""
        if dense:
            return DENSE
        end = min(end, self.last_reader.get(root, index) + 1)
        key = (index, root, end)
        if key not in self._inner:
            usable = set(self._known_formats(index)[-1])
            for i in range(index + 1, end):
                for k, name in enumerate(self.graph.ops[i].inputs):
                    if name is not None and self.owner.get(name) == root:
                        usable &= self._known_formats(i)[k]
            self._inner[key] = next((f for f in ROW_FORMATS if f in usable), DENSE)
        return self._inner[key]


def by_rows(graph: Graph) -> Graph:
    """The graph with its input delivered row by row.

    Raises:
        UnsupportedError: it has several inputs, one that is no image, or must keep it.
    """
    problems = []
    if len(graph.inputs) != 1:
        problems.append(Problem(f"{len(graph.inputs)} inputs cannot come by rows, only one"))
    for name in graph.inputs:
        kind = graph.tensor(name).type
        if len(kind.shape) != 4 or kind.shape[1] < 2:
            problems.append(Problem(f"input {name!r} is {kind}: there are no rows of an image"))
        elif kind.dtype not in (DType.INT8, DType.UINT8, DType.INT16):
            problems.append(Problem(f"input {name!r} is {kind}: only integers come by rows"))
    if graph.kept:
        problems.append(
            Problem("an input that comes by rows cannot be kept", hint="leave --keep-input out")
        )
    if problems:
        raise UnsupportedError(problems)
    return replace(graph, by_rows=graph.inputs)

"""How the 3x3 depthwise tile walks over a plane: groups of rows, words of a row, accumulators.

The tile reads words of four pixels x0..x3 and adds each pixel to every output that it reaches
("scatter"). An output is named by its centre, the column under the filter's middle; a word at
column p touches the centres p - 1 to p + 4:

    p - 1: x0 w2              p + 1: x0 w0 + x1 w1 + x2 w2      p + 3: x2 w0 + x3 w1
    p:     x0 w1 + x1 w2      p + 2: x1 w0 + x2 w1 + x3 w2      p + 4: x3 w0

Only centres that the stride hits have an accumulator. Pixels beyond the row, in the last word, are
never multiplied, and a filter row or column that lies in the padding is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile

from edgegen.ops.window import Window

TAPS = 3
PIXELS = 4
"""Of a word."""
CENTRES = 6
"""Of a word."""
NONE = "none"
"""In place of a register: there is no such output."""

UNROLLED_WORDS = {1: 5, 2: 9}
"""Longest row without a loop, by stride: about 200 or 120 bytes of code a word."""

LOOP_WORDS = {1: 2, 2: 4}
"""Words of a loop's body, by stride: an iteration gives eight outputs. An even number, so that
accumulators return to their places."""


@dataclass(frozen=True)
class Axis:
    """One axis of the plane under a filter of three taps.

    Attributes:
        inputs: pixels.
        outputs: outputs.
        stride: pixels from one output to the next.
        before: padding pixels before the first.
    """

    inputs: int
    outputs: int
    stride: int
    before: int

    @classmethod
    def of(cls, window: Window, inputs: int) -> Axis:
        """The axis that `window` slides over."""
        return cls(inputs, window.outputs(inputs), window.stride, window.before(inputs))

    @property
    def padded(self) -> bool:
        """Whether some output reads padding."""
        last = (self.outputs - 1) * self.stride - self.before + TAPS
        return self.before > 0 or last > self.inputs


@dataclass(frozen=True)
class RowGroup:
    """Consecutive output rows that see the same rows of the filter.

    Attributes:
        count: output rows.
        first: the first row of the filter that lies on the plane.
        taps: rows of the filter that do.
        start: input row under row `first` of the filter, for the group's first output row.
    """

    count: int
    first: int
    taps: int
    start: int

    @property
    def missing(self) -> tuple[int, ...]:
        """Rows of the filter that lie in the padding."""
        return tuple(r for r in range(TAPS) if not self.first <= r < self.first + self.taps)


def row_groups(axis: Axis) -> tuple[RowGroup, ...]:
    """All output rows, from the top."""
    groups: list[RowGroup] = []
    for i in range(axis.outputs):
        top = i * axis.stride - axis.before
        first, end = max(0, -top), min(TAPS, axis.inputs - top)
        last = groups[-1] if groups else None
        if last is not None and (last.first, last.taps) == (first, end - first):
            groups[-1] = replace(last, count=last.count + 1)
        else:
            groups.append(RowGroup(1, first, end - first, top + first))
    return tuple(groups)


@dataclass(frozen=True)
class Word:
    """What one word of a row does.

    Attributes:
        at: its first pixel's column, which is its byte offset too.
        pixels: how many of its pixels belong to the row.
        opens: whether it is the row's first, so that centre p begins here as well.
        targets: accumulators of the six centres, or `NONE`.
        done: accumulators that are complete, with their output columns, in order.
        left: accumulator whose first column of the filter lies in the padding, or `NONE`.
        right: accumulator whose last column does, or `NONE`.
    """

    at: int
    pixels: int
    opens: bool
    targets: tuple[str, ...]
    done: tuple[tuple[str, int], ...]
    left: str = NONE
    right: str = NONE

    @property
    def columns(self) -> tuple[int, ...]:
        """Output columns that it completes."""
        return tuple(column for _, column in self.done)

    @property
    def multiplies(self) -> int:
        """Multiply instructions for one row of the filter, padding aside."""
        reach = (1, 1, 1 + (self.pixels > 2), 1 + (self.pixels > 2), 1, 1)
        return sum(n for n, target in zip(reach, self.targets, strict=True) if target != NONE)

    def same_code(self, other: Word) -> bool:
        """Whether two words differ in their addresses only."""
        ends = [tuple(register for register, _ in w.done) for w in (self, other)]
        return (self.pixels, self.opens, self.targets, self.left, self.right) == (
            other.pixels, other.opens, other.targets, other.left, other.right,
        ) and ends[0] == ends[1]  # fmt: skip


@dataclass(frozen=True)
class Row:
    """The words of a row: some straight code, a loop over a few words, and the rest.

    Attributes:
        head: words before the loop; the whole row if there is none.
        body: the words of the loop, or none.
        repeats: iterations of the loop.
        tail: words after the loop.
    """

    head: tuple[Word, ...]
    body: tuple[Word, ...] = ()
    repeats: int = 0
    tail: tuple[Word, ...] = ()

    @property
    def walked(self) -> int:
        """Bytes by which the loop moves the input's address."""
        return self.repeats * PIXELS * len(self.body)

    @property
    def registers(self) -> int:
        """How many accumulators it needs."""
        words = (*self.head, *self.body, *self.tail)
        return len({t for w in words for t in w.targets if t != NONE})


def row_of_words(axis: Axis, registers: tuple[str, ...]) -> Row:
    """Assigns accumulators and finds the loop.

    Args:
        axis: the axis along the plane's rows.
        registers: accumulators to take, in order of preference.
    """
    words = tuple(_words(axis, registers))
    if len(words) <= UNROLLED_WORDS[axis.stride]:
        return Row(words)
    size = LOOP_WORDS[axis.stride]
    rounds = [words[i : i + size] for i in range(1, len(words) - size, size)]
    alike = (all(a.same_code(b) for a, b in zip(r, rounds[0], strict=True)) for r in rounds)
    repeats = sum(takewhile(bool, alike))
    walked = repeats * size * PIXELS
    rest = words[1 + size * repeats :]
    return Row(words[:1], rounds[0], repeats, tuple(replace(w, at=w.at - walked) for w in rest))


def _words(axis: Axis, registers: tuple[str, ...]) -> Iterator[Word]:
    columns = {c * axis.stride - axis.before + 1: c for c in range(axis.outputs)}
    free = list(registers)
    live: dict[int, str] = {}
    for at in range(0, axis.inputs, PIXELS):
        pixels = min(PIXELS, axis.inputs - at)
        centres = range(at - 1, at + PIXELS + 1)
        reached = [c for c in centres if c in columns and c - 1 < at + pixels]
        if not reached:
            # The stride may leave the row's last pixels unread.
            continue
        for centre in reached:
            if centre not in live:
                live[centre] = free.pop(0)
        targets = tuple(live.get(c, NONE) for c in centres)
        ended = [c for c in reached if c + 1 < at + PIXELS or at + PIXELS >= axis.inputs]
        right = axis.inputs - 1
        yield Word(
            at,
            pixels,
            at == 0,
            targets,
            tuple((live[c], columns[c]) for c in ended),
            live.get(0, NONE) if at == 0 else NONE,
            live.get(right, NONE) if at <= right < at + PIXELS else NONE,
        )
        free += [live.pop(centre) for centre in ended]
        free.sort(key=registers.index)

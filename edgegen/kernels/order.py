"""The order in which a kernel reads its inputs and writes its output.

Two buffers may overlap when no byte of the input is overwritten before its last read. With output
byte i written at time w(i) and input byte j last read at time r(j), an output that lies below its
input is safe from `D = 1 + max{i - j : r(j) > w(i)}` bytes on, one that lies above it from the
mirror image D' (diagonal memory optimisation, arXiv 2010.01668, here byte by byte).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

UNTOUCHED = -1
"""In place of a time: the byte is not read, or not written."""


@dataclass(frozen=True)
class Accesses:
    """What is read and written when; within one point of time, all reads come first.

    Attributes:
        reads: by input index, rows of (time, first byte, one past the last byte).
        writes: the same for the output. Bytes that are overwritten with rubbish (padding of the
            format) count as written.
    """

    reads: Mapping[int, Ints]
    writes: Ints


def forward_distance(reads: Ints, writes: Ints) -> int | None:
    """D: the least `input offset - output offset` from which on all distances are safe.

    Args:
        reads: (time, first byte, one past the last byte), in any order.
        writes: the same.

    Returns:
        D in bytes, or None where nothing is read after a write: every distance is safe.
    """
    if not len(reads) or not len(writes):
        return None
    by_time = reads[np.argsort(reads[:, 0], kind="stable")]
    lowest = np.minimum.accumulate(by_time[::-1, 1])[::-1]
    later = np.searchsorted(by_time[:, 0], writes[:, 0], side="right")
    threatened = later < len(by_time)
    if not threatened.any():
        return None
    return int((writes[threatened, 2] - lowest[later[threatened]]).max())


def backward_distance(reads: Ints, writes: Ints, input_bytes: int, output_bytes: int) -> int | None:
    """D': the least `end of output - end of input` from which on all distances are safe.

    Args:
        reads: (time, first byte, one past the last byte), in any order.
        writes: the same.
        input_bytes: size of the input.
        output_bytes: size of the output.
    """
    return forward_distance(_mirrored(reads, input_bytes), _mirrored(writes, output_bytes))


def same_place(reads: Ints, writes: Ints) -> bool:
    """Whether the output may begin exactly where the input does, whatever D and D' say.

    A kernel that works channel by channel overwrites a byte only after that very byte, though not
    the others around it, has been read for the last time.

    Args:
        reads: (time, first byte, one past the last byte), in any order.
        writes: the same.
    """
    size = max(int(spans[:, 2].max(initial=0)) for spans in (reads, writes))
    last = np.full(size, UNTOUCHED, np.int64)
    first = np.full(size, np.iinfo(np.int64).max)
    np.maximum.at(last, *_bytes(reads))
    np.minimum.at(first, *_bytes(writes))
    return bool((last <= first).all())


def _bytes(spans: Ints) -> tuple[Ints, Ints]:
    """Every byte of the spans with its time."""
    counts = spans[:, 2] - spans[:, 1]
    within = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    return np.repeat(spans[:, 1], counts) + within, np.repeat(spans[:, 0], counts)


def _mirrored(spans: Ints, size: int) -> Ints:
    return np.column_stack((spans[:, 0], size - spans[:, 2], size - spans[:, 1]))


@dataclass(frozen=True)
class AccessOrder:
    """A kernel's promise about the order of its accesses.

    Attributes:
        promise: makes the accesses. None: nothing is promised, inputs are needed until the end.
    """

    promise: Callable[[], Accesses] | None = field(default=None, compare=False)

    @cached_property
    def accesses(self) -> Accesses | None:
        """The accesses, made once; None without a promise."""
        return None if self.promise is None else self.promise()

    def forward(self, index: int) -> int | None:
        """D for input `index`: how far below it the output may begin; None without a promise."""
        return self._distance(index, forward_distance)

    def backward(self, index: int, input_bytes: int, output_bytes: int) -> int | None:
        """D' for input `index`: how far above its end the output may end."""
        return self._distance(
            index, lambda r, w: backward_distance(r, w, input_bytes, output_bytes)
        )

    def in_place(self, index: int) -> bool:
        """Whether the output may begin exactly where input `index` does."""
        if self.accesses is None or index not in self.accesses.reads:
            return False
        return same_place(self.accesses.reads[index], self.accesses.writes)

    def _distance(self, index: int, rule: Callable[[Ints, Ints], int | None]) -> int | None:
        if self.accesses is None:
            return None
        reads = self.accesses.reads.get(index)
        if reads is None:
            return None
        found = rule(reads, self.accesses.writes)
        return ANYWHERE if found is None else found


ANYWHERE = -(1 << 31)
"""The distance of an output that is written after everything has been read."""

NO_PROMISE = AccessOrder()


def by_byte(reads: Mapping[int, Ints], writes: Ints) -> Accesses:
    """The accesses of a kernel from what matters of them.

    Args:
        reads: by input index the time of each byte's last read, or `UNTOUCHED`; [bytes of input].
        writes: the time of each byte's first write, or `UNTOUCHED`; [bytes of output].
    """
    return Accesses({k: _spans(times) for k, times in reads.items()}, _spans(writes))


def steps(read: tuple[Ints, Ints], written: tuple[Ints, Ints]) -> Accesses:
    """The accesses of a kernel with one input that reads one run of bytes a step, then writes one.

    Args:
        read: first byte of each step's run, and the one past the last.
        written: the same of the output.
    """
    times = np.arange(len(read[0]), dtype=np.int64)
    return Accesses({0: np.column_stack((times, *read))}, np.column_stack((times, *written)))


def _spans(times: Ints) -> Ints:
    """Rows of (time, first byte, one past the last byte) of neighbours with equal times."""
    edges = np.flatnonzero(np.diff(times)) + 1
    first, end = np.append(0, edges), np.append(edges, len(times))
    spans: Ints = np.column_stack((times[first], first, end))
    touched: Ints = spans[spans[:, 0] != UNTOUCHED]
    return touched


def elementwise(counts: tuple[int, ...], elements: int) -> AccessOrder:
    """Reads element i of every input of `counts` bytes each, then writes output byte i.

    Args:
        counts: size of each input; one of a single byte is read at every step.
        elements: bytes of output.
    """

    def promise() -> Accesses:
        step = np.arange(elements, dtype=np.int64)
        each = np.column_stack((step, step, step + 1))
        whole = {n: np.column_stack((step, 0 * step, 0 * step + n)) for n in set(counts)}
        return Accesses(
            {k: each if n == elements else whole[n] for k, n in enumerate(counts)}, each
        )

    return AccessOrder(promise)


def value_by_value(count: int, read: int, written: int) -> AccessOrder:
    """Reads a value, then writes one.

    Args:
        count: number of values.
        read: bytes of a value of the input.
        written: bytes of a value of the output.
    """

    def promise() -> Accesses:
        at = np.arange(count, dtype=np.int64)
        return steps((at * read, (at + 1) * read), (at * written, (at + 1) * written))

    return AccessOrder(promise)

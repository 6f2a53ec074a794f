"""The order in which a kernel reads its inputs and writes its output.

Two buffers may overlap when no byte of the input is overwritten before its last read. With
output byte i written at time w(i) and input byte j last read at time r(j), the output may lie
`D = 1 + max{i - j : r(j) > w(i)}` or more bytes below the input (diagonal memory optimisation,
arXiv 2010.01668, here per byte).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

Span = tuple[int, int, int]
"""Which bytes: input index (or -1 for the output), first byte, one past the last byte."""


@dataclass(frozen=True)
class AccessOrder:
    """Declared accesses of a kernel over time.

    Attributes:
        trace: yields steps; the bytes of one step's spans are all read before any is written.
            None means that nothing is promised: inputs are needed until the end.
    """

    trace: Callable[[], Iterator[tuple[Span, ...]]] | None = None

    def distance(self, index: int, input_bytes: int, output_bytes: int) -> int | None:
        """The smallest safe distance from the output's base up to an input's base, in bytes.

        Args:
            index: which input.
            input_bytes: its size.
            output_bytes: the output's size.

        Returns:
            D such that `input offset - output offset >= D` is safe, or None without a promise.
        """
        if self.trace is None:
            return None
        steps = list(self.trace())
        # Lowest byte of the input that any later step still reads, from the end backwards.
        lowest = input_bytes
        worst: int | None = None
        for spans in reversed(steps):
            for which, _, end in spans:
                if which == -1 and lowest < input_bytes:
                    candidate = min(end, output_bytes) - 1 - lowest
                    worst = candidate if worst is None else max(worst, candidate)
            for which, start, _ in spans:
                if which == index:
                    lowest = min(lowest, start)
        return -input_bytes if worst is None else worst + 1


NO_PROMISE = AccessOrder()


def elementwise(counts: tuple[int, ...], elements: int) -> AccessOrder:
    """Reads element i of every input of `counts` bytes each, then writes output byte i.

    Args:
        counts: size of each input; one of a single byte is read at every step.
        elements: bytes of output.
    """

    def trace() -> Iterator[tuple[Span, ...]]:
        for i in range(elements):
            reads = tuple(
                (k, i if n == elements else 0, (i + 1) if n == elements else n)
                for k, n in enumerate(counts)
            )
            yield (*reads, (-1, i, i + 1))

    return AccessOrder(trace)

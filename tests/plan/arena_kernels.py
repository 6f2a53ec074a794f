"""Kernels that read and write bytes in a declared order, to judge overlap distances by.

Nothing is computed with: what matters is only when each byte is read for the last time and when
it is written. Layout is row-major height, width, channel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Window:
    """A convolution-like kernel with SAME padding.

    Attributes:
        height, width: of the input in pixels.
        c_in, c_out: channels.
        kernel: rows and columns of the filter.
        stride: of both axes.
        depthwise: whether output channel c reads input channel c only.
        held: whether a pixel is written after all of its channels are computed, not byte by byte.
    """

    height: int
    width: int
    c_in: int
    c_out: int
    kernel: tuple[int, int] = (3, 3)
    stride: int = 1
    depthwise: bool = False
    held: bool = False

    @property
    def input_size(self) -> int:
        return self.height * self.width * self.c_in

    @property
    def out_height(self) -> int:
        return -(-self.height // self.stride)

    @property
    def out_width(self) -> int:
        return -(-self.width // self.stride)

    @property
    def output_size(self) -> int:
        return self.out_height * self.out_width * self.c_out

    def _pixels(self, row: int, column: int) -> Iterator[int]:
        """The input pixels that an output pixel reads."""
        for y in self._taps(row, self.height, self.out_height, self.kernel[0]):
            for x in self._taps(column, self.width, self.out_width, self.kernel[1]):
                yield y * self.width + x

    def _taps(self, place: int, size: int, out_size: int, kernel: int) -> range:
        padding = max((out_size - 1) * self.stride + kernel - size, 0) // 2
        start = place * self.stride - padding
        return range(max(start, 0), min(start + kernel, size))

    @cached_property
    def actions(self) -> list[tuple[list[int], list[int]]]:
        """What is read, then written, as byte indices: forward order."""
        found = []
        for row in range(self.out_height):
            for column in range(self.out_width):
                pixels = list(self._pixels(row, column))
                base = (row * self.out_width + column) * self.c_out
                whole = [p * self.c_in + c for p in pixels for c in range(self.c_in)]
                if self.held:
                    found.append((whole, list(range(base, base + self.c_out))))
                    continue
                for c in range(self.c_out):
                    own = [p * self.c_in + c for p in pixels]
                    found.append((own if self.depthwise else whole, [base + c]))
        return found

    @cached_property
    def _arrays(self) -> list[tuple[Bytes, Bytes]]:
        return [(np.array(r, dtype=np.intp), np.array(w, dtype=np.intp)) for r, w in self.actions]

    @cached_property
    def distances(self) -> tuple[int, int]:
        """D and D' from the formula `1 + max(i - j : r(j) > w(i))`."""
        backward = [
            ([self.input_size - 1 - j for j in reads], [self.output_size - 1 - i for i in writes])
            for reads, writes in reversed(self.actions)
        ]
        return _distance(self.actions, self.input_size), _distance(backward, self.input_size)

    def survives(self, x: int, y: int, *, reverse: bool) -> bool:
        """Run over a memory of marks: does every read still find the input byte it wants?"""
        low = min(x, y)
        memory = np.full(max(x + self.input_size, y + self.output_size) - low, -1)
        memory[x - low : x - low + self.input_size] = np.arange(self.input_size)
        source, target = memory[x - low :], memory[y - low :]
        for reads, writes in reversed(self._arrays) if reverse else self._arrays:
            if (source[reads] != reads).any():
                return False
            target[writes] = -2
        return True


def _distance(actions: list[tuple[list[int], list[int]]], input_size: int) -> int:
    last_read = np.full(input_size, -1)
    for time, (reads, _) in enumerate(actions):
        last_read[np.array(reads, dtype=np.intp)] = time
    # Writes ascend, so the highest byte written before time t is the last one of time t - 1.
    highest = np.array([-(1 << 40), *(max(writes) for _, writes in actions)])
    return int(1 + (highest[last_read] - np.arange(input_size))[last_read >= 0].max())

"""Schedule of the general depthwise tile: which pair of pixels meets which pair of taps, and where.

The tile reads int16 pixels in pairs, x[2i] and x[2i + 1], and computes a block of neighbouring
outputs at once ("gather"). Output n starts at pixel n * stride. Where that is even, its taps lie as
(w0, w1), (w2, w3), ...; where it is odd, as (0, w0), (w1, w2), .... Either way one SMLAD takes two
taps, and outputs share what is loaded.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

EVEN_TAPS, ODD_TAPS = "r6", "r7"
PIXELS = ("r3", "r4", "r5")
"""Registers for pixels; the odd taps' too where no output starts at an odd pixel."""
ACCUMULATORS = ("r8", "r9", "r10", "r11", "r12", "lr")
C0, MULTIPLIER = "r12", "lr"
"""Constants of a channel, in blocks of up to four outputs; larger blocks load them."""
HELD_BLOCK = 4


@dataclass(frozen=True)
class Line:
    """One row of taps.

    Attributes:
        size: taps, zeros of a dilated filter included.
        stride: pixels from one output to the next.
    """

    size: int
    stride: int

    @property
    def even_words(self) -> int:
        """Words of taps for outputs that start at an even pixel."""
        return (self.size + 1) // 2

    @property
    def odd_words(self) -> int:
        """Words of taps for outputs that start at an odd pixel; 0 if there are none."""
        return self.size // 2 + 1 if self.stride % 2 else 0

    @property
    def words(self) -> int:
        """All words, in the order even, odd, even, ...."""
        return self.even_words + self.odd_words

    def index(self, word: int, odd: int) -> int:
        """Place of a word of taps."""
        if not self.odd_words:
            return word
        return 2 * word + odd if word < self.even_words else self.words - 1


@dataclass(frozen=True)
class Multiply:
    """One SMLAD; `first` where it begins its accumulator, in the filter's first row."""

    accumulator: str
    pixels: str
    taps: str
    first: bool


@dataclass(frozen=True)
class Step:
    """Loads, back to back, and the multiplications that they allow.

    Attributes:
        taps: registers and indices of words of taps.
        pixels: registers and indices of words of pixels.
        multiplies: in order.
    """

    taps: tuple[tuple[str, int], ...]
    pixels: tuple[tuple[str, int], ...]
    multiplies: tuple[Multiply, ...]

    @property
    def loads(self) -> int:
        """Number of loads."""
        return len(self.taps) + len(self.pixels)


@functools.lru_cache(maxsize=1024)
def schedule(line: Line, outputs: int) -> tuple[Step, ...]:
    """The steps of one row of taps for a block of outputs."""
    registers = PIXELS if line.odd_words else (*PIXELS, ODD_TAPS)
    # For each word of taps: the accumulators it goes to and their words of pixels.
    uses: list[list[tuple[int, int, int]]] = []
    for word in range(max(line.even_words, line.odd_words)):
        found = []
        for n in range(outputs):
            odd = n * line.stride % 2
            if word < (line.odd_words if odd else line.even_words):
                found.append((n, odd, n * line.stride // 2 + word))
        uses.append(found)
    return tuple(_steps(line, uses, registers))


def _steps(
    line: Line, uses: Sequence[Sequence[tuple[int, int, int]]], registers: tuple[str, ...]
) -> Iterator[Step]:
    held: dict[int, str] = {}
    for word, group in enumerate(uses):
        later = {pixel for rest in uses[word + 1 :] for _, _, pixel in rest}
        taps = tuple(
            (ODD_TAPS if odd else EVEN_TAPS, line.index(word, odd))
            for odd in sorted({odd for _, odd, _ in group})
        )
        pending = sorted(group, key=lambda use: (use[2], use[0]))
        while pending:
            free = [r for r in registers if r not in held.values()]
            wanted = dict.fromkeys(pixel for _, _, pixel in pending if pixel not in held)
            loads = tuple(zip(free, wanted, strict=False))
            held |= {pixel: register for register, pixel in loads}
            ready = [use for use in pending if use[2] in held]
            yield Step(
                taps,
                tuple(loads),
                tuple(
                    Multiply(
                        ACCUMULATORS[n],
                        held[pixel],
                        ODD_TAPS if odd else EVEN_TAPS,
                        word == 0,
                    )
                    for n, odd, pixel in ready
                ),
            )
            taps = ()
            pending = [use for use in pending if use not in ready]
            # Where registers run out, pixels of later words are dropped and loaded again.
            keep = {pixel for _, _, pixel in pending} or later
            held = {pixel: register for pixel, register in held.items() if pixel in keep}

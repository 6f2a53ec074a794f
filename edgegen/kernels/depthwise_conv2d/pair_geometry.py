"""Rows of pixel pairs: geometry of the depthwise kernel for cores without SMLAD."""

from __future__ import annotations

from dataclasses import dataclass

from edgegen.ops.window import Window

TAPS = 3
"""Taps of the tile's filter along both axes; smaller filters get weights of 0."""

GROUP = 4
"""Outputs that the tile computes at a time: two words of pairs."""


@dataclass(frozen=True)
class Axis:
    """One axis of the filter over the image.

    Attributes:
        inputs: pixels of the input.
        outputs: pixels of the output.
        stride: input pixels from one output to the next.
        before: padding before the first pixel.
    """

    inputs: int
    outputs: int
    stride: int
    before: int

    @classmethod
    def of(cls, window: Window, inputs: int) -> Axis:
        """The axis of a window over `inputs` pixels."""
        return cls(inputs, window.outputs(inputs), window.stride, window.before(inputs))


@dataclass(frozen=True)
class PairRow:
    """A row of the padded input as words x[j] + 2**16 x[j + stride].

    Stride 1 has a word for each j; an output pair at j = 2 i takes words j, j + 1 and j + 2. Stride
    2 leaves out every fourth word, that no pair takes. The row is made from left to right, four
    pixels at a time, from the one before them; `tail` is what is left in the end.

    Attributes:
        axis: along the row.
        first: whether the row starts with padding.
        main: rounds of four pixels.
        tail: for each pixel after them, whether it is one of the input.
        words: of the row.
    """

    axis: Axis
    first: bool
    main: int
    tail: tuple[bool, ...]
    words: int

    @classmethod
    def of(cls, axis: Axis) -> PairRow:
        """The row of an axis of stride 1 or 2."""
        groups, pairs = -(-axis.outputs // GROUP), -(-axis.outputs // 2)
        if axis.stride == 1:
            words, needed = GROUP * groups + 1, 2 * pairs + 1
        else:
            words, needed = 6 * groups, 4 * pairs
        first = axis.before > 0
        usable = axis.inputs if first else axis.inputs - 1
        valid = min(usable, needed)
        main = valid // 4
        tail = (True,) * (valid % 4) + (False,) * (needed - valid)
        return cls(axis, first, main, tail, words)

    @property
    def rounds(self) -> tuple[tuple[bool, ...], ...]:
        """The tail in rounds of up to four pixels."""
        return tuple(self.tail[i : i + 4] for i in range(0, len(self.tail), 4))

    @property
    def last(self) -> int:
        """Outputs of the last group of four."""
        return (self.axis.outputs - 1) % GROUP + 1

    @property
    def groups(self) -> int:
        """Groups of outputs."""
        return -(-self.axis.outputs // GROUP)

    @property
    def group_bytes(self) -> int:
        """Bytes from one group's words to the next one's."""
        return 16 if self.axis.stride == 1 else 24

    @property
    def cycles(self) -> int:
        """Cycles to make a row on a Cortex-M0+."""
        each, end = (33, 8) if self.axis.stride == 1 else (29, 7)
        return 30 + each * self.main + end * len(self.tail)


def fits(window: Window, inputs: int) -> bool:
    """Whether the tile can walk along this axis."""
    small = window.size <= TAPS and window.dilation == 1 and window.before(inputs) <= 1
    return small and window.stride <= 2


def fits_across(window: Window) -> bool:
    """Whether the tile can walk across this axis."""
    return window.size <= TAPS and window.dilation == 1

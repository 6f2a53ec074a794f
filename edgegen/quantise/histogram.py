"""A histogram of a tensor's values that grows with them, in one pass and bounded memory."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

MAX_BINS = 4096
_FINEST = 20
"""Bins are never finer than the largest magnitude divided by about this power of two."""
_NARROWEST = -1074
"""Exponent of the smallest positive float64."""


class Histogram:
    """Counts of values in bins whose width is a power of two, aligned at zero.

    When values do not fit into `MAX_BINS` bins, neighbours merge in pairs, which is exact: the
    result depends on the values alone, not on the order in which they were added.

    Attributes:
        low: smallest value seen.
        high: largest value seen.
        count: number of values seen.
        zeros: how many of them were exactly 0; they are in the bins too.
    """

    def __init__(self) -> None:
        self.low = math.inf
        self.high = -math.inf
        self.count = 0
        self.zeros = 0
        self._exponent = _NARROWEST  # of the bin width
        self._first = 0  # index of the first bin: it starts at _first * width
        self._bins: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    @property
    def width(self) -> float:
        """Width of a bin."""
        return math.ldexp(1.0, self._exponent)

    @property
    def bins(self) -> npt.NDArray[np.int64]:
        """Counts, [n]."""
        return self._bins

    @property
    def centres(self) -> npt.NDArray[np.float64]:
        """The middle of every bin, float64 [n]."""
        index = np.arange(len(self._bins), dtype=np.float64)
        return np.asarray((index + self._first + 0.5) * self.width)

    def add(self, values: npt.ArrayLike) -> None:
        """Counts finite values of any shape."""
        flat = np.asarray(values, np.float64).ravel()
        if not flat.size:
            return
        self.low = min(self.low, float(flat.min()))
        self.high = max(self.high, float(flat.max()))
        self.count += flat.size
        self.zeros += int(np.count_nonzero(flat == 0))
        exponent = _exponent(self.low, self.high)
        while self._exponent < exponent and len(self._bins):
            self._halve()
        self._exponent = max(self._exponent, exponent)
        index = np.floor(flat / self.width).astype(np.int64)
        self._cover(int(index.min()), int(index.max()))
        self._bins += np.bincount(index - self._first, minlength=len(self._bins))

    def _cover(self, first: int, last: int) -> None:
        if len(self._bins):
            first = min(first, self._first)
            last = max(last, self._first + len(self._bins) - 1)
        bins = np.zeros(last - first + 1, np.int64)
        start = self._first - first
        bins[start : start + len(self._bins)] = self._bins
        self._first, self._bins = first, bins

    def _halve(self) -> None:
        """Merges bins in pairs."""
        odd = self._first % 2
        bins = np.concatenate([np.zeros(odd, np.int64), self._bins])
        bins = np.concatenate([bins, np.zeros(len(bins) % 2, np.int64)])
        self._bins = bins.reshape(-1, 2).sum(axis=1)
        self._first = (self._first - odd) // 2
        self._exponent += 1


def _exponent(low: float, high: float) -> int:
    """The exponent of the narrowest bin width with which [low, high] fits."""
    largest = max(abs(low), abs(high))
    # Zeros alone ask for nothing: the narrowest bins there are leave all to what may follow.
    finest = max(math.frexp(largest)[1] - _FINEST, _NARROWEST) if largest else _NARROWEST
    span = high - low
    exponent = max(finest, math.frexp(span / MAX_BINS)[1] - 1 if span else finest)
    while math.floor(high / 2.0**exponent) - math.floor(low / 2.0**exponent) >= MAX_BINS:
        exponent += 1
    return exponent

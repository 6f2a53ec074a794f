"""The order of taps in which few quads have weights too large for 16-bit sums.

Which four inputs make a quad is free, as long as it is the same for all channels. A correction for
one weight costs a channel about as much as two more quads, so a good order is worth a table of
offsets and slower reading of inputs.
"""

from __future__ import annotations

import functools

import numpy as np

from edgegen.quant.fixed_point import Int64

QUAD = 4
LIMIT = 255
"""Greatest sum of absolute weights for which 16 bits always suffice."""

ROUNDS = 24
"""Sweeps over all taps; most of the gain comes with the first few."""


Int = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Small = np.ndarray[tuple[int, ...], np.dtype[np.int16]]


@functools.lru_cache(maxsize=256)
def _search(data: bytes, rows: int) -> tuple[int, ...]:
    ordered = np.frombuffer(data, np.uint8).reshape(rows, -1).T.astype(np.int16, order="C")
    taps = len(ordered)
    order = np.arange(taps)
    sums = ordered.reshape(-1, QUAD, rows).sum(axis=1, dtype=np.int16)
    prices = _price(sums)
    if not prices.any():
        return tuple(range(taps))
    for _ in range(ROUNDS):
        if not sum(_swap_best(ordered, sums, prices, order, place) for place in range(taps)):
            break
    return tuple(order.tolist())


def _swap_best(ordered: Small, sums: Small, prices: Int, order: Int, place: int) -> bool:
    """Swaps the tap at a place with the one elsewhere that helps most; tells whether it did.

    Args:
        ordered: the sizes of weights, [taps, rows], in the present order.
        sums: their sums, [quads, rows].
        prices: of the quads.
        order: the taps in the present order.
        place: which tap to move.
    """
    quad = place // QUAD
    change = ordered - ordered[place]
    here = sums[quad] + change
    there = np.repeat(sums, QUAD, axis=0) - change
    gain = prices[quad] + np.repeat(prices, QUAD) - _price(here) - _price(there)
    gain[quad * QUAD : (quad + 1) * QUAD] = 0
    best = int(gain.argmax())
    if gain[best] <= 0:
        return False
    order[[place, best]] = order[[best, place]]
    ordered[[place, best]] = ordered[[best, place]]
    changed = [quad, best // QUAD]
    sums[changed] = (here[best], there[best])
    prices[changed] = _price(sums[changed])
    return True


def _price(sums: Small) -> Int:
    """512 times the rows beyond the limit, and how far: a slope where counts are equal."""
    excess = np.maximum(sums - LIMIT, 0)
    beyond: Int = 512 * np.count_nonzero(excess, axis=1) + excess.sum(axis=1, dtype=np.int64)
    return beyond


def balanced_order(weights: Int64) -> tuple[int, ...]:
    """A permutation of taps; consecutive fours of it are quads.

    Args:
        weights: int64 [rows, taps], taps a multiple of 4; all rows share the order.
    """
    size = np.minimum(np.abs(weights), 255).astype(np.uint8)
    return _search(size.tobytes(), len(weights))

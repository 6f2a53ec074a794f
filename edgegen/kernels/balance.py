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


@functools.lru_cache(maxsize=256)
def _search(data: bytes, rows: int) -> tuple[int, ...]:
    size = np.frombuffer(data, np.uint8).reshape(rows, -1).astype(np.int64)
    taps = size.shape[1]
    order = np.arange(taps)
    if not _price(size.reshape(rows, -1, QUAD).sum(axis=2)).any():
        return tuple(range(taps))
    for _ in range(ROUNDS):
        if not sum(_swap_best(size, order, place) for place in range(taps)):
            break
    return tuple(order.tolist())


def _swap_best(size: Int64, order: Int64, place: int) -> bool:
    """Swaps the tap at a place with the one elsewhere that helps most; tells whether it did."""
    ordered = size[:, order]
    sums = ordered.reshape(len(size), -1, QUAD).sum(axis=2)
    quad = place // QUAD
    of_place = np.arange(len(order)) // QUAD
    change = ordered - ordered[:, place : place + 1]
    here = sums[:, quad : quad + 1] + change
    there = sums[:, of_place] - change
    price = _price(sums)
    gain = price[quad] + price[of_place] - _price(here) - _price(there)
    gain[of_place == quad] = 0.0
    best = int(gain.argmax())
    if gain[best] <= 1e-9:
        return False
    order[[place, best]] = order[[best, place]]
    return True


def _price(sums: Int64) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Channels beyond the limit, and a little for how far: a slope where counts are equal."""
    excess = np.maximum(sums - LIMIT, 0)
    result: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = (
        np.count_nonzero(excess, axis=0) + excess.sum(axis=0) / 512.0
    )
    return result


def balanced_order(weights: Int64) -> tuple[int, ...]:
    """A permutation of taps; consecutive fours of it are quads.

    Args:
        weights: int64 [rows, taps], taps a multiple of 4; all rows share the order.
    """
    size = np.minimum(np.abs(weights), 255).astype(np.uint8)
    return _search(size.tobytes(), len(weights))

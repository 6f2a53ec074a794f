"""The tile of dense layers whose run over the taps has no loop: its sizes, code and template."""

from __future__ import annotations

from edgegen.kernels.base import Piece

CHUNKS = (128, 64, 32, 16)
"""Taps that tiles are made for: a few sizes, so that layers share them."""
TAP_BYTES = 33
"""Code of a tile for each of its taps."""
CODE_BYTES_PER_WEIGHT = 5
"""A small layer does not deserve the largest tile: its code may be this many times its weights."""


def chunk_of(depth: int, units: int) -> int:
    """The size of the tile: the smallest that holds all taps, within the code that pays."""
    fitting = [c for c in CHUNKS if TAP_BYTES * c <= CODE_BYTES_PER_WEIGHT * depth * units]
    sizes = fitting or CHUNKS[-1:]
    return min((c for c in sizes if c >= depth), default=max(sizes))


def tile_code(chunk: int) -> dict[str, int]:
    """Estimated bytes of the tile."""
    return {f"dsp_dense {chunk}": 130 + TAP_BYTES * chunk}


def tile_piece(taps: int) -> Piece:
    """The tile for up to `taps` taps; its arguments lie beyond its frame and ten registers."""
    frame = 16 + 2 * taps
    variables = {"taps": taps, "pairs": taps // 2, "frame": frame}
    for index, argument in enumerate(("start", "out", "expand", "finish")):
        variables[argument] = frame + 40 + 4 * index
    return Piece("dsp_dense", str(taps), variables)

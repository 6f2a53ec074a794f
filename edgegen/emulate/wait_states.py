"""Models what a board's flash adds to the cycles of a run: a lower and an upper figure.

Both come from the run itself: every instruction fetch and every data read of flash, in order, goes
through a model of the board's caches. `docs/cycle-model.md` has the rules and their sources.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from unicorn import unicorn_const

from edgegen.emulate.result import CycleRange
from edgegen.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from unicorn.unicorn_py3.unicorn import Uc

    from edgegen.emulate.cycles import Pricer
    from edgegen.target.board import Board

WORD: Final = 4
"""Bytes of one fetch by the core."""
SYSTEM_BUS: Final = 0x2000_0000
"""First address that a Cortex-M3 or M4 reaches over its system bus instead of its code buses."""
_SYSTEM_BUS_CORES: Final = ("m3", "m4")
_FREE, _FLASH, _BUS = 0, 1, 2
_ALL: Final = 0xFFFFFFFF
_OUT_OF_MEMORY: Final = 2**64 - 1


@dataclass(frozen=True)
class CacheModel:
    """A cache of `lines` units of flash, `ways` in a set, the least recently used one replaced."""

    lines: int
    ways: int


NO_CACHE: Final = CacheModel(0, 1)
PERFECT: Final = CacheModel(_ALL, 1)
"""Everything hits."""


@dataclass(frozen=True)
class FlashModel:
    """One set of assumptions about a board's flash.

    Attributes:
        wait_states: cycles that a read which misses adds.
        unit_bytes: bytes that one read returns.
        prefetch: whether the next unit is read while the core executes the current one.
        cold: whether the caches are empty at the start of each inference.
        buffered: whether the core's fetch buffer hides what it can of the system bus.
        code: the cache for instructions.
        data: the cache for data; None where they share the one for instructions.
    """

    wait_states: int
    unit_bytes: int
    prefetch: bool
    cold: bool
    buffered: bool
    code: CacheModel
    data: CacheModel | None


def flash_models(board: Board) -> tuple[FlashModel, FlashModel]:
    """Returns the assumptions behind the lower and the upper figure.

    What the board file says holds for both. What the manufacturer does not say is as good as can
    be in the first and as bad as can be in the second; and only the first has prefetch, and caches
    that remember the inference before.
    """
    flash = board.flash
    lines = [c.line_bytes for c in flash.caches if c.line_bytes is not None]
    unit = flash.read_bytes or (min(lines) if lines else WORD)
    unknown = flash.read_bytes is None
    best, worst = (
        FlashModel(
            wait_states=flash.wait_states,
            unit_bytes=unit,
            prefetch=flash.prefetch and optimistic,
            cold=not optimistic,
            buffered=optimistic,
            code=_cache(board, "instruction", unit, PERFECT if optimistic else NO_CACHE),
            data=_cache(board, "data", unit, PERFECT if optimistic and unknown else NO_CACHE),
        )
        for optimistic in (True, False)
    )
    if any(c.kind == "unified" for c in flash.caches):
        return replace(best, data=None), replace(worst, data=None)
    return best, worst


def _cache(board: Board, kind: str, unit: int, unknown: CacheModel) -> CacheModel:
    """The cache of this kind; `unknown` stands for one that the manufacturer does not describe."""
    flash = board.flash
    found = [c for c in flash.caches if c.kind in (kind, "unified")]
    if not found:
        if kind == "data" and flash.read_bytes is None:
            return unknown
        # A single unit: the buffer that the read went to.
        return CacheModel(1, 1)
    (cache,) = found[:1]
    if cache.bytes is None:
        return unknown
    lines = max(1, cache.bytes // unit)
    if cache.ways is None:
        return CacheModel(lines, lines)
    return CacheModel(lines, min(lines, cache.ways))

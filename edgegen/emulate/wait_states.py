"""Models what a board's flash adds to the cycles of a run: a lower and an upper figure.

Both come from the run itself: every instruction fetch and every data read of flash, in order, goes
through a model of the board's caches. `docs/cycle-model.md` has the rules and their sources.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from unicorn import unicorn_const

from edgegen.emulate.result import CycleRange
from edgegen.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from unicorn.unicorn_py3.unicorn import Uc

    from edgegen.emulate.cycles import Pricer
    from edgegen.target.board import Board
    from edgegen.target.flash import FlashTiming

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
    that still hold what the inference before left in them.
    """
    return _flash_model(board, optimistic=True), _flash_model(board, optimistic=False)


def _flash_model(board: Board, *, optimistic: bool) -> FlashModel:
    flash = board.flash
    lines = [c.line_bytes for c in flash.caches if c.line_bytes is not None]
    unit = flash.read_bytes or (min(lines) if lines else WORD)
    unified = any(c.kind == "unified" for c in flash.caches)
    return FlashModel(
        wait_states=flash.wait_states,
        unit_bytes=unit,
        prefetch=optimistic and flash.prefetch,
        cold=not optimistic,
        buffered=optimistic,
        code=_cache(flash, "instruction", unit, optimistic),
        data=None if unified else _cache(flash, "data", unit, optimistic),
    )


def _cache(flash: FlashTiming, kind: str, unit: int, optimistic: bool) -> CacheModel:
    cache = next((c for c in flash.caches if c.kind in (kind, "unified")), None)
    if cache is not None and cache.bytes is not None:
        lines = max(1, cache.bytes // unit)
        return CacheModel(lines, min(lines, cache.ways or lines))
    if optimistic and (cache is not None or flash.read_bytes is None):
        return PERFECT
    # What one read returned stays at hand, if it is known how much that is.
    return NO_CACHE if flash.read_bytes is None else CacheModel(1, 1)


class _CConfig(ctypes.Structure):
    """Mirrors config_t of flash_model.c."""

    _fields_ = tuple(
        (name, ctypes.c_uint32)
        for name in (
            *("wait_states", "unit_bytes", "prefetch", "cold", "buffered", "unified"),
            *("code_lines", "code_ways", "data_lines", "data_ways"),
        )
    )

    @classmethod
    def of(cls, model: FlashModel) -> _CConfig:
        """The structure for `model`."""
        data = model.data or NO_CACHE
        return cls(
            *(model.wait_states, model.unit_bytes, model.prefetch, model.cold, model.buffered),
            *(model.data is None, model.code.lines, model.code.ways, data.lines, data.ways),
        )


class _CFetch(ctypes.Structure):
    """Mirrors fetch_t of flash_model.c."""

    _fields_ = (("kind", ctypes.c_uint32), ("count", ctypes.c_uint32))


_DESCRIBE: Final = ctypes.CFUNCTYPE(
    None,
    ctypes.c_uint32,
    ctypes.c_uint32,
    ctypes.POINTER(_CFetch),
    ctypes.POINTER(ctypes.c_uint32),
)


class FlashWatch:
    """Follows one run through several models of the same board's flash."""

    def __init__(
        self,
        board: Board,
        models: Sequence[FlashModel],
        pricer: Pricer,
        read_code: Callable[[int, int], bytes],
        marks: tuple[int, int],
        library: ctypes.CDLL,
    ) -> None:
        """Prepares to watch.

        Args:
            board: says what is flash, and how the core fetches from elsewhere.
            models: with equal `unit_bytes`.
            pricer: gives the cycles spent between fetches.
            read_code: returns the code at an address, so many bytes of it.
            marks: addresses of the functions before and after each inference.
            library: `native.load_flash_model()`.
        """
        self._flash = [range(r.origin, r.end) for r in board.regions if r.kind == "flash"]
        self._has_system_bus = board.core.name in _SYSTEM_BUS_CORES
        self._unit = models[0].unit_bytes
        self._count = len(models)
        self._pricer, self._read_code, self._library = pricer, read_code, library
        self._failure: BaseException | None = None
        # Kept here, because C holds no reference to it.
        self._describe = _DESCRIBE(self._on_new_block)
        library.watch_new.restype = ctypes.c_void_p
        library.watch_stalls.restype = ctypes.c_uint64
        self._watch = ctypes.c_void_p(
            library.watch_new(
                (_CConfig * len(models))(*map(_CConfig.of, models)),
                ctypes.c_uint32(len(models)),
                *map(ctypes.c_uint32, marks),
                ctypes.c_uint32(pricer.taken),
                self._describe,
            )
        )
        if not self._watch:
            raise ToolError("the model of flash is out of memory")

    def attach(self, uc: Uc, engine: ctypes.CDLL) -> None:
        """Has the emulator report blocks and reads of flash."""
        self._hook(uc, engine, unicorn_const.UC_HOOK_BLOCK, "watch_block", range(1, 1))
        for flash in self._flash:
            self._hook(uc, engine, unicorn_const.UC_HOOK_MEM_READ, "watch_read", flash)

    def _hook(self, uc: Uc, engine: ctypes.CDLL, kind: int, name: str, where: range) -> None:
        hook = ctypes.c_size_t()
        # An empty range, last before first, is every address. uc_hook_add's variadic part is empty.
        status = engine.uc_hook_add(
            uc._uch,
            ctypes.byref(hook),
            ctypes.c_int(kind),
            ctypes.cast(getattr(self._library, name), ctypes.c_void_p),
            self._watch,
            ctypes.c_uint64(where.start),
            ctypes.c_uint64(where.stop - 1),
        )
        if status != unicorn_const.UC_ERR_OK:
            raise ToolError(f"Unicorn does not take a hook of the flash model: error {status}")

    def block(self, address: int, size: int) -> None:
        """The core begins to execute a block; the emulator calls the same without Python."""
        self._library.watch_block(
            None, ctypes.c_uint64(address), ctypes.c_uint32(size), self._watch
        )

    def read(self, address: int, size: int) -> None:
        """The core reads data from flash; the emulator calls the same without Python."""
        self._library.watch_read(
            None, 0, ctypes.c_uint64(address), size, ctypes.c_int64(0), self._watch
        )

    def stalls(self) -> tuple[int, ...]:
        """Returns the stall cycles so far, by model."""
        if self._failure is not None:
            raise self._failure
        found = tuple(self._library.watch_stalls(self._watch, i) for i in range(self._count))
        if _OUT_OF_MEMORY in found:
            raise ToolError("the model of flash is out of memory")
        return found

    def _on_new_block(self, address: int, size: int, fetch: object, cycles: object) -> None:
        """Called from C; an exception cannot cross it."""
        try:
            kind, spent = self._fetches(address, self._read_code(address, size))
        except BaseException as error:
            self._failure = self._failure or error
            kind, spent = _FREE, [0]
        out = ctypes.cast(fetch, ctypes.POINTER(_CFetch)).contents  # type: ignore[arg-type]
        out.kind, out.count = kind, len(spent)
        target = ctypes.cast(cycles, ctypes.POINTER(ctypes.c_uint32))  # type: ignore[arg-type]
        for i, value in enumerate(spent):
            target[i] = value

    def _fetches(self, address: int, code: bytes) -> tuple[int, list[int]]:
        """How a block is fetched, and the cycles spent in each unit that it touches."""
        if any(address in flash for flash in self._flash):
            kind, unit = _FLASH, self._unit
        elif self._has_system_bus and address >= SYSTEM_BUS:
            kind, unit = _BUS, WORD
        else:
            kind, unit = _FREE, 1 << 32
        first = address // unit
        spent = [0] * ((address + len(code) - 1) // unit - first + 1)
        for instruction in self._pricer.instructions(address, code):
            # It cannot begin before its last byte is there.
            last = address + instruction.at + instruction.size - 1
            spent[last // unit - first] += instruction.cycles
        return kind, spent

    def __del__(self) -> None:
        if getattr(self, "_watch", None):
            self._library.watch_free(self._watch)


def cycle_range(cycles: int, stalls: Sequence[int]) -> CycleRange:
    """The range between the first and the second of `flash_models`."""
    low, high = stalls
    return CycleRange(cycles + low, cycles + high)

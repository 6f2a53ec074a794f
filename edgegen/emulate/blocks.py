"""Counts executed basic blocks by region: the counter in C if there is a host compiler, else here.

A region is a model (the argument of `runner_start`) with one of its layers, or with no layer yet.
Both counters give the same counts; the one in C is about a hundred times faster.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from unicorn import arm_const, unicorn_const

from edgegen.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    from unicorn.unicorn_py3.unicorn import Uc

_OUTSIDE: Final = 0xFFFFFFFF
_START, _STOP = -2, -1
_OUT_OF_MEMORY: Final = 2


@dataclass(frozen=True)
class Marks:
    """The addresses at which counting starts, stops and enters a layer.

    Attributes:
        start: the function called before an inference, with the model's index in r0.
        stop: the function called after it.
        layers: address to layer number.
        layer_count: how many layers there are in all.
    """

    start: int | None
    stop: int | None
    layers: Mapping[int, int]
    layer_count: int

    def by_address(self) -> dict[int, int]:
        """Address to layer number, -2 for start or -1 for stop."""
        marks = dict(self.layers)
        if self.start is not None:
            marks[self.start] = _START
        if self.stop is not None:
            marks[self.stop] = _STOP
        return marks


@dataclass(frozen=True)
class Block:
    """How often a block ran in one region.

    Attributes:
        address: where it starts.
        size: bytes of code.
        model: whose inference, or None outside of inferences.
        layer: the layer last entered, or None before the first.
        instructions: instructions in the block.
        executed: executions.
        taken: executions that left it by a taken branch.
    """

    address: int
    size: int
    model: int | None
    layer: int | None
    instructions: int
    executed: int
    taken: int


class BlockCounter(Protocol):
    """A block hook on one emulator."""

    def blocks(self) -> list[Block]:
        """Returns the counts, in the order in which the blocks first ran."""

    @property
    def instructions(self) -> int:
        """All instructions of all blocks entered."""

    @property
    def limit_hit(self) -> bool:
        """Whether the run was stopped by the instruction limit."""


def instructions_in(code: bytes) -> int:
    """Counts the Thumb instructions in `code`.

    An instruction has 4 bytes if its first half starts 11101, 11110 or 11111 (ARMv7-M ARM, A5.1).
    """
    count = at = 0
    while at + 1 < len(code):
        at += 4 if code[at + 1] >> 3 >= 0x1D else 2
        count += 1
    return count


def _region(code: int, layer_count: int) -> tuple[int | None, int | None]:
    if code == _OUTSIDE:
        return None, None
    model, layer = divmod(code, layer_count + 1)
    return model, layer - 1 if layer else None


class PythonCounter:
    """The block hook in Python."""

    def __init__(self, uc: Uc, marks: Marks, limit: int) -> None:
        self._marks = marks.by_address()
        self._layer_count = marks.layer_count
        self._limit = limit
        self._sizes: dict[tuple[int, int], int] = {}
        self._executed: dict[tuple[int, int, int], int] = {}
        self._taken: dict[tuple[int, int, int], int] = {}
        self._region = _OUTSIDE
        self._first_region = 0
        self._previous: tuple[int, int, int] | None = None
        self.instructions = 0
        self.limit_hit = False
        uc.hook_add(unicorn_const.UC_HOOK_BLOCK, self._on_block)

    def _on_block(self, uc: Uc, address: int, size: int, _data: object) -> None:
        previous = self._previous
        if previous is not None and previous[0] + previous[1] != address:
            self._taken[previous] = self._taken.get(previous, 0) + 1
        if self.instructions >= self._limit:
            self.limit_hit = True
            self._previous = None
            uc.emu_stop()
            return
        mark = self._marks.get(address)
        if mark is not None and self._region != _OUTSIDE:
            if mark == _STOP:
                self._region = _OUTSIDE
            elif mark >= 0:
                self._region = self._first_region + 1 + mark
        if (address, size) not in self._sizes:
            self._sizes[address, size] = instructions_in(bytes(uc.mem_read(address, size)))
        key = (address, size, self._region)
        self._executed[key] = self._executed.get(key, 0) + 1
        self.instructions += self._sizes[address, size]
        self._previous = key
        if mark == _START:
            model = uc.reg_read(arm_const.UC_ARM_REG_R0)
            self._first_region = self._region = model * (self._layer_count + 1)
            self._previous = None

    def blocks(self) -> list[Block]:
        """See `BlockCounter`."""
        return [
            Block(
                address,
                size,
                *_region(region, self._layer_count),
                self._sizes[address, size],
                executed,
                self._taken.get((address, size, region), 0),
            )
            for (address, size, region), executed in self._executed.items()
        ]


class _CBlock(ctypes.Structure):
    """Mirrors block_t of block_counter.c."""

    _fields_ = (
        ("address", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("region", ctypes.c_uint32),
        ("instructions", ctypes.c_uint32),
        ("executed", ctypes.c_uint64),
        ("taken", ctypes.c_uint64),
        ("mark", ctypes.c_int32),
        ("unused", ctypes.c_int32),
    )


_ROW: np.dtype[Any] = np.dtype(_CBlock)


class _CMark(ctypes.Structure):
    """Mirrors mark_t of block_counter.c."""

    _fields_ = (("address", ctypes.c_uint32), ("mark", ctypes.c_int32))


def _address(pointer: ctypes._Pointer[_CBlock]) -> int:
    return ctypes.addressof(pointer.contents)


class NativeCounter:
    """The block hook in C; `library` is `native.load_block_counter()`."""

    def __init__(
        self, uc: Uc, marks: Marks, limit: int, library: ctypes.CDLL, engine: ctypes.CDLL
    ) -> None:
        self._library = library
        self._layer_count = marks.layer_count
        table = [_CMark(address, mark) for address, mark in sorted(marks.by_address().items())]
        library.counter_new.restype = ctypes.c_void_p
        library.counter_blocks.restype = ctypes.POINTER(_CBlock)
        self._counter = ctypes.c_void_p(
            library.counter_new(
                (_CMark * len(table))(*table),
                ctypes.c_uint32(len(table)),
                ctypes.c_uint32(marks.layer_count),
                ctypes.c_uint64(limit),
                ctypes.c_int(arm_const.UC_ARM_REG_R0),
                ctypes.cast(engine.uc_mem_read, ctypes.c_void_p),
                ctypes.cast(engine.uc_reg_read, ctypes.c_void_p),
                ctypes.cast(engine.uc_emu_stop, ctypes.c_void_p),
            )
        )
        if not self._counter:
            raise ToolError("the block counter is out of memory")
        hook = ctypes.c_size_t()
        # begin > end: for every address. The variadic part of uc_hook_add stays empty.
        status = engine.uc_hook_add(
            uc._uch,
            ctypes.byref(hook),
            ctypes.c_int(unicorn_const.UC_HOOK_BLOCK),
            ctypes.cast(library.on_block, ctypes.c_void_p),
            self._counter,
            ctypes.c_uint64(1),
            ctypes.c_uint64(0),
        )
        if status != unicorn_const.UC_ERR_OK:
            raise ToolError(f"Unicorn does not take the block hook: error {status}")

    def _state(self) -> tuple[int, int]:
        instructions = ctypes.c_uint64()
        state = self._library.counter_state(self._counter, ctypes.byref(instructions))
        if state == _OUT_OF_MEMORY:
            raise ToolError("the block counter is out of memory")
        return state, instructions.value

    @property
    def instructions(self) -> int:
        """See `BlockCounter`."""
        return self._state()[1]

    @property
    def limit_hit(self) -> bool:
        """See `BlockCounter`."""
        return self._state()[0] != 0

    def limit(self, instructions: int) -> None:
        """Moves the limit, so that a run that was stopped by it can go on."""
        self._library.counter_limit(self._counter, ctypes.c_uint64(instructions))

    def blocks(self) -> list[Block]:
        """See `BlockCounter`."""
        count = ctypes.c_uint32()
        rows = self._library.counter_blocks(self._counter, ctypes.byref(count))
        return [
            Block(
                row.address,
                row.size,
                *_region(row.region, self._layer_count),
                row.instructions,
                row.executed,
                row.taken,
            )
            for row in (rows[index] for index in range(count.value))
            if row.executed
        ]

    def table(self) -> npt.NDArray[Any]:
        """Every block as a row with the fields of block_t, in the order in which they first ran.

        A view: it is good until the core runs again.
        """
        count = ctypes.c_uint32()
        rows = self._library.counter_blocks(self._counter, ctypes.byref(count))
        if not count.value:
            return np.zeros(0, _ROW)
        memory = (_CBlock * count.value).from_address(_address(rows))
        table: npt.NDArray[Any] = np.frombuffer(memoryview(memory).cast("B"), _ROW)
        return table

    def __del__(self) -> None:
        if getattr(self, "_counter", None):
            self._library.counter_free(self._counter)

"""The shipped firmware image in Unicorn, with models of the registers that it touches."""

from __future__ import annotations

import struct
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from unicorn import arm_const, unicorn_const
from unicorn.unicorn_py3.unicorn import UcError

from edgegen.emulate.core import EXCEPTIONS, NEVER, make_core
from edgegen.emulate.cycle_clock import CycleClock
from edgegen.emulate.devices.bus import Bus
from edgegen.emulate.devices.clocks import FAMILIES
from edgegen.emulate.devices.timers import CycleCounter, SysTick, install_microseconds
from edgegen.emulate.devices.uart import MODELS, Uart
from edgegen.emulate.faults import MemoryFaults
from edgegen.emulate.flat import read_for
from edgegen.emulate.memory import map_regions
from edgegen.emulate.result import EmulationError
from edgegen.errors import Problem, ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from unicorn.unicorn_py3.unicorn import Uc

    from edgegen.target.board import Board

# Peripherals, and the private peripheral bus, of every Cortex-M: ARMv7-M ARM, B3.1.
_WINDOWS: Final = ((0x4000_0000, 0x2000_0000), (0xE000_0000, 0x10_0000))
_MORE_WINDOWS: Final[Mapping[str, tuple[tuple[int, int], ...]]] = MappingProxyType(
    {
        "nrf52": ((0x1000_0000, 0x2000),),  # FICR, UICR
        "nrf53": ((0x00FF_0000, 0x1_0000),),
        "rp2040": ((0xD000_0000, 0x1000), (0x1400_0000, 0x1000), (0x1800_0000, 0x1000)),
        "rp2350": ((0xD000_0000, 0x4_0000),),
    }
)
_MICROSECONDS: Final = MappingProxyType({"rp2040": 0x4005_4000, "rp2350": 0x400B_0000})
_HAS_CYCLE_COUNTER: Final = ("m3", "m4", "m7", "m33", "m55")
# ARMv6-M and ARMv7-M ARM, B1.5: the exception's number; EXC_RETURN to thread mode, main stack.
_SYSTICK: Final = 15
_RETURN: Final = 0xFFFF_FFF8
# Wall time of one stretch of emulation, so that a long inference does not outlast a caller's limit.
_SLICE_S: Final = 0.25


def why_not(board: Board) -> str | None:
    """Why Unicorn cannot run the board's firmware, or None if it can."""
    if board.core.unicorn_model is None:
        return f"it has no {board.core.title}"
    if board.console is None:
        return "the board's file names no console"
    if board.console.kind not in MODELS:
        return f"there is no model of a UART of the kind {board.console.kind}"
    return None


class UnicornSession(MemoryFaults):
    """Firmware in Unicorn; implements `Session`. Time passes during `read` only.

    The core starts at the image's vector table, as after the boot ROM and a second-stage loader.
    Of all exceptions only SysTick's is there. A fault ends the session with an error.
    """

    emulator = "unicorn"
    exit_code: int | None = None

    def __init__(self, image: Path, board: Board) -> None:
        """Loads `image`, an ELF, UF2 or binary file that was linked for `board`.

        Raises:
            ToolError: Unicorn cannot run this board.
            InputError: the image cannot be read, or is not for this board.
        """
        reason = why_not(board)
        if reason:
            raise ToolError(Problem(f"Unicorn cannot run {board.title}", why=reason))
        self._board = board
        self._uc = make_core(board)
        self._error: str | None = None
        self.waits = False
        self._shared = map_regions(self._uc, board, self._on_slack)
        for segment in read_for(image, board):
            self._uc.mem_write(segment.address, segment.data)
        self._clock = CycleClock(self._uc, board.core, self._read_memory)
        self._bus = Bus(atomic_aliases=_family(board).startswith("rp2"))
        self.uart = self._devices()
        self._uc.hook_add(unicorn_const.UC_HOOK_INTR, self._on_exception)
        self._uc.hook_add(
            unicorn_const.UC_HOOK_MEM_UNMAPPED | unicorn_const.UC_HOOK_MEM_PROT, self._on_bad_access
        )
        vectors = self._read_memory(board.placement.code.usable_origin, 8)
        stack_top, self._pc = struct.unpack("<II", vectors)
        self._uc.reg_write(arm_const.UC_ARM_REG_SP, stack_top)

    def _devices(self) -> Uart:
        board, bus, now = self._board, self._bus, self._clock.now
        assert board.console is not None
        for origin, size in (*_WINDOWS, *_MORE_WINDOWS.get(_family(board), ())):
            self._uc.mmio_map(origin, size, self._on_read, origin, self._on_write, origin)
        registers = FAMILIES.get(_family(board))
        if registers:
            for address, value in registers.reset.items():
                bus.poke(address, value)
            bus.follow(registers.rules)
            bus.watch(registers.guards)
        self._systick = SysTick(bus, now, self._on_timer)
        if board.core.name in _HAS_CYCLE_COUNTER:
            CycleCounter(bus, now).install()
        if board.clock and _family(board) in _MICROSECONDS:
            install_microseconds(bus, _MICROSECONDS[_family(board)], now, board.clock.hz)
        return MODELS[board.console.kind](bus, board.console.base, self, self._on_idle)

    # The memory as a UART with DMA sees it.
    def read_memory(self, address: int, size: int) -> bytes:
        """Returns `size` bytes of the emulated memory."""
        return self._read_memory(address, size)

    def write_memory(self, address: int, data: bytes) -> None:
        """Writes `data` into the emulated memory."""
        self._uc.mem_write(address, data)

    def _read_memory(self, address: int, size: int) -> bytes:
        return bytes(self._uc.mem_read(address, size))

    @property
    def instructions(self) -> int | None:
        """See `Session`."""
        return self._clock.instructions

    @property
    def cycles(self) -> int | None:
        """See `Session`; at zero wait states."""
        return self._clock.cycles

    @property
    def baud(self) -> float | None:
        """The console's bits per second, from the divider and the board's clock."""
        clock = self._board.clock
        return self.uart.baud(clock.bus_hz) if clock else None

    def register(self, address: int) -> int:
        """The word that a register keeps, as the firmware has set it."""
        return self._bus.peek(address)

    def write(self, data: bytes) -> None:
        """See `Session`."""
        self.waits = False
        self.uart.received.extend(data)

    def read(self, timeout_s: float) -> bytes:
        """See `Session`."""
        deadline = time.monotonic() + timeout_s
        while True:
            self._run(min(_SLICE_S, max(deadline - time.monotonic(), 0.001)))
            if self.uart.sent:
                data = bytes(self.uart.sent)
                self.uart.sent.clear()
                return data
            if self._error is not None:
                raise EmulationError(Problem(self._error))
            if self.waits or time.monotonic() >= deadline:
                return b""

    def close(self) -> None:
        """See `Session`."""

    def _run(self, seconds: float) -> None:
        """Runs until time is up, the firmware waits, or something is wrong."""
        self.waits = False
        end = time.monotonic() + seconds
        while self._error is None and not self.waits and (left := end - time.monotonic()) > 0:
            self._clock.stop_within(self._systick.to_exception())
            self._emulate(NEVER, left)
            if self._systick.to_exception() == 0:
                self._take_systick()
            elif not self._clock.stopped:
                # Unicorn comes back early from WFI, and nothing here wakes a core.
                self.waits = self.waits or time.monotonic() < end

    def _emulate(self, until: int, seconds: float) -> None:
        try:
            self._uc.emu_start(self._pc | 1, until, timeout=max(int(seconds * 1e6), 1))
        except UcError as error:
            self._fail(str(error))
        except EmulationError as error:
            self._fail(error.problems[0].what)
        self._pc = self._uc.reg_read(arm_const.UC_ARM_REG_PC)

    def _take_systick(self) -> None:
        """Runs the handler of SysTick's exception, unless the firmware masks it."""
        uc = self._uc
        if uc.reg_read(arm_const.UC_ARM_REG_PRIMASK) & 1:
            return
        self._systick.take_exception()
        before, vector = uc.context_save(), self._board.placement.code.usable_origin
        interrupted = self._pc
        # The core would push 8 words, and the handler returns to the magic address.
        uc.reg_write(arm_const.UC_ARM_REG_SP, (uc.reg_read(arm_const.UC_ARM_REG_SP) - 32) & ~7)
        uc.reg_write(arm_const.UC_ARM_REG_LR, _RETURN | 1)
        (self._pc,) = struct.unpack("<I", self._read_memory(vector + 4 * _SYSTICK, 4))
        self._clock.stop_within(None)
        self._emulate(_RETURN, _SLICE_S)
        if self._pc & ~1 != _RETURN:
            self._fail("the handler of SysTick does not return")
        uc.context_restore(before)
        self._pc = interrupted

    def _fail(self, what: str) -> None:
        if self._error is None:
            pc = self._uc.reg_read(arm_const.UC_ARM_REG_PC)
            self._error = f"{what} at {pc:#010x}"

    def _on_timer(self) -> None:
        # Not emu_stop: the store that is under way would be executed again.
        self._clock.stop_next()

    def _on_idle(self) -> None:
        self.waits = True
        if not self._clock.stop_next():
            self._uc.emu_stop()

    def _on_read(self, _uc: Uc, offset: int, size: int, origin: int) -> int:
        return self._bus.read(origin + offset, size)

    def _on_write(self, _uc: Uc, offset: int, size: int, value: int, origin: int) -> None:
        self._bus.write(origin + offset, size, value)

    def _on_exception(self, uc: Uc, number: int, _data: object) -> None:
        self._fail(EXCEPTIONS.get(number, f"exception {number}"))
        uc.emu_stop()


def _family(board: Board) -> str:
    return board.soc.family if board.soc else ""

"""What tells time: the core's cycle counter and SysTick, and the RP2 chips' microseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgegen.emulate.devices.bus import Bus

# ARMv7-M Architecture Reference Manual, DDI 0403E, B3.2, B3.3 and C1.8; the same in ARMv8-M.
_SYST_CSR, _SYST_RVR, _SYST_CVR = 0xE000_E010, 0xE000_E014, 0xE000_E018
_DEMCR, _TRCENA = 0xE000_EDFC, 1 << 24
_DWT_CTRL, _DWT_CYCCNT = 0xE000_1000, 0xE000_1004
_COUNTS: Final = 1 << 0
_INTERRUPTS: Final = 3
_COUNT_FLAG: Final = 1 << 16
_24_BITS: Final = 0xFF_FFFF
# RP2040 datasheet, 4.6.5; RP2350 datasheet, 12.8.5: TIMEHR, TIMELR, TIMERAWH, TIMERAWL.
_HALVES: Final = ((0x08, 32), (0x0C, 0), (0x24, 32), (0x28, 0))


class SysTick:
    """The system timer, polled or with its exception."""

    def __init__(self, bus: Bus, now: Callable[[], int], on_start: Callable[[], None]) -> None:
        """Registers the model.

        Args:
            bus: where.
            now: cycles since reset.
            on_start: called when the timer is set up anew.
        """
        self._bus, self._now, self._on_start = bus, now, on_start
        self._start = self._flagged = self._taken = 0
        bus.on_read(_SYST_CSR, self._read_control)
        bus.on_read(_SYST_CVR, self._read_value)
        bus.on_write(_SYST_CSR, self._write_control)
        bus.on_write(_SYST_CVR, lambda _value: self._restart())

    def to_exception(self) -> int | None:
        """Cycles until its next exception, 0 if one is pending, None if it makes none."""
        if self._bus.peek(_SYST_CSR) & _INTERRUPTS != _INTERRUPTS:
            return None
        return max(self._start + (self._taken + 1) * self._period() - self._now(), 0)

    def take_exception(self) -> None:
        """The core has taken the pending exception."""
        self._taken += 1

    def _period(self) -> int:
        return (self._bus.peek(_SYST_RVR) & _24_BITS) + 1

    def _write_control(self, value: int) -> None:
        if value & _COUNTS:
            self._restart()

    def _restart(self) -> None:
        self._start, self._flagged, self._taken = self._now(), 0, 0
        self._on_start()

    def _position(self) -> tuple[int, int]:
        """How often it has wrapped since it was started, and its value."""
        if not self._bus.peek(_SYST_CSR) & _COUNTS:
            return self._flagged, 0
        # The core takes the exception some instructions late. Until then time seems to stand still,
        # or it would go back for firmware that counts the wraps.
        if self.to_exception() == 0:
            return self._flagged, 1
        wraps, elapsed = divmod(self._now() - self._start, self._period())
        return wraps, (self._period() - elapsed) % self._period()

    def _read_value(self) -> int:
        return self._position()[1]

    def _read_control(self) -> int:
        wraps, _ = self._position()
        flag = _COUNT_FLAG if wraps != self._flagged else 0
        self._flagged = wraps
        return self._bus.peek(_SYST_CSR) & ~_COUNT_FLAG | flag


@dataclass
class CycleCounter:
    """DWT's CYCCNT; it stands still until trace and counter are both enabled."""

    bus: Bus
    now: Callable[[], int]
    _offset: int = 0

    def install(self) -> None:
        """Registers the model."""
        self.bus.on_read(_DWT_CYCCNT, self._read)
        self.bus.on_write(_DWT_CYCCNT, self._write)

    def _runs(self) -> bool:
        on = self.bus.peek(_DWT_CTRL) & _COUNTS and self.bus.peek(_DEMCR) & _TRCENA
        return bool(on)

    def _read(self) -> int:
        if not self._runs():
            return self.bus.peek(_DWT_CYCCNT)
        return (self.now() - self._offset) & 0xFFFF_FFFF

    def _write(self, value: int) -> None:
        self._offset = self.now() - value


def install_microseconds(bus: Bus, base: int, now: Callable[[], int], hz: int) -> None:
    """The timer of RP2040 and RP2350 at `base`: microseconds of cycles at `hz`."""

    def half(shift: int) -> Callable[[], int]:
        return lambda: (now() * 1_000_000 // hz >> shift) & 0xFFFF_FFFF

    for offset, shift in _HALVES:
        bus.on_read(base + offset, half(shift))

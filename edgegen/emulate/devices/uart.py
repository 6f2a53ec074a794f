"""Console UARTs by register layout: a queue of received bytes, and what was sent.

A model sends at once and is ready at once. It insists that the firmware has enabled it, and counts
the firmware's looks at an empty receiver: that many in a row mean that the firmware waits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from edgegen.emulate.result import EmulationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edgegen.emulate.devices.bus import Bus

_IDLE_LOOKS: Final = 16


class Memory(Protocol):
    """The emulated memory."""

    def read_memory(self, address: int, size: int) -> bytes:
        """Returns `size` bytes."""

    def write_memory(self, address: int, data: bytes) -> None:
        """Writes `data`."""


class Uart(ABC):
    """What the models share.

    Attributes:
        sent: bytes that the firmware has sent and nobody has taken yet.
        received: bytes that the firmware has not taken yet.
    """

    def __init__(self, bus: Bus, base: int, memory: Memory, on_idle: Callable[[], None]) -> None:
        """Installs the model's registers.

        Args:
            bus: where.
            base: address of the first register.
            memory: what a UART with DMA reads and writes.
            on_idle: called when the firmware only looks whether a byte has come.
        """
        self._bus, self._base, self._memory, self._on_idle = bus, base, memory, on_idle
        self.sent = bytearray()
        self.received: deque[int] = deque()
        self._looks = 0
        self.install()

    @abstractmethod
    def install(self) -> None:
        """Registers the model's readers and writers."""

    @abstractmethod
    def baud(self, clock_hz: int) -> float | None:
        """Bits per second for a UART clock of `clock_hz`, or None before they are set."""

    @abstractmethod
    def enabled(self) -> bool:
        """Whether the firmware has switched the transmitter on."""

    def _at(self, offset: int) -> int:
        return self._bus.peek(self._base + offset)

    def _has_received(self) -> bool:
        """Whether a byte waits; counts the looks in vain."""
        if self.received:
            self._looks = 0
            return True
        self._looks += 1
        if self._looks >= _IDLE_LOOKS:
            self._looks = 0
            self._on_idle()
        return False

    def _take(self) -> int:
        self._looks = 0
        return self.received.popleft() if self.received else 0

    def _send(self, value: int) -> None:
        self._looks = 0
        if not self.enabled():
            raise EmulationError("it sends through a UART that it has not enabled")
        self.sent.append(value & 0xFF)


class _Stm32(Uart):
    """Both generations of ST's USART, and the LPUART; only offsets and the divider differ."""

    control, status, divider = 0x00, 0x1C, 0x0C
    receive, transmit = 0x24, 0x28
    enable_bits = 1 << 0 | 1 << 3  # UE, TE
    always = 1 << 6 | 1 << 7 | 1 << 21 | 1 << 22  # TC, TXE, TEACK, REACK
    numerator = 1
    divider_mask = 0xFFFF

    def install(self) -> None:
        bus, base = self._bus, self._base
        bus.on_read(base + self.status, lambda: self.always | (self._has_received() << 5))
        bus.on_read(base + self.receive, self._take)
        bus.on_write(base + self.transmit, self._send)

    def enabled(self) -> bool:
        return self._at(self.control) & self.enable_bits == self.enable_bits

    def baud(self, clock_hz: int) -> float | None:
        divider = self._at(self.divider) & self.divider_mask
        return self.numerator * clock_hz / divider if divider else None


class _Stm32V1(_Stm32):
    """RM0090, 30.6: SR, DR, BRR, CR1."""

    status, receive, transmit, divider, control = 0x00, 0x04, 0x04, 0x08, 0x0C
    enable_bits = 1 << 13 | 1 << 3  # UE, TE
    always = 1 << 6 | 1 << 7


class _Lpuart(_Stm32):
    """RM0432, LPUART registers: the divider counts 1/256; PRESC divides the clock before it."""

    numerator = 256
    divider_mask = 0xF_FFFF

    def baud(self, clock_hz: int) -> float | None:
        """See `Uart`."""
        divided = (1, 2, 4, 6, 8, 10, 12, 16, 32, 64, 128, 256)[self._at(0x2C) & 0xF]
        whole = super().baud(clock_hz)
        return None if whole is None else whole / divided


class _NrfUarte(Uart):
    """nRF52840 product specification, UARTE: all by EasyDMA, which reaches RAM only."""

    def install(self) -> None:
        bus, base = self._bus, self._base
        self._room = 0
        bus.on_write(base + 0x000, lambda v: self._start_rx() if v & 1 else None)
        bus.on_write(base + 0x004, lambda v: self._stop_rx() if v & 1 else None)
        bus.on_write(base + 0x008, lambda v: self._start_tx() if v & 1 else None)
        bus.on_write(base + 0x00C, lambda v: bus.poke(base + 0x158, 1) if v & 1 else None)
        bus.on_read(base + 0x108, lambda: self._received_event(0x108))
        bus.on_read(base + 0x110, lambda: self._received_event(0x110))

    def enabled(self) -> bool:
        return self._at(0x500) & 0xF == 8

    def baud(self, clock_hz: int) -> float | None:
        # BAUDRATE counts 16 MHz / 2**32, whatever the core's clock.
        del clock_hz
        setting = self._at(0x524)
        return setting * 16e6 / 2**32 if setting else None

    def _start_tx(self) -> None:
        pointer, count = self._at(0x544), self._at(0x548)
        if pointer >> 28 != 2:
            raise EmulationError(f"EasyDMA sends from {pointer:#010x}, which is no RAM")
        for byte in self._memory.read_memory(pointer, count):
            self._send(byte)
        self._bus.poke(self._base + 0x54C, count)
        for event in (0x11C, 0x120, 0x150):  # TXDRDY, ENDTX, TXSTARTED
            self._bus.poke(self._base + event, 1)

    def _start_rx(self) -> None:
        self._room = self._at(0x538)
        self._bus.poke(self._base + 0x53C, 0)
        self._bus.poke(self._base + 0x14C, 1)  # RXSTARTED
        self._fill()

    def _stop_rx(self) -> None:
        if self._room:
            self._end_rx()
        self._bus.poke(self._base + 0x144, 1)  # RXTO

    def _end_rx(self) -> None:
        self._room = 0
        self._bus.poke(self._base + 0x110, 1)  # ENDRX
        if self._at(0x200) & 1 << 5:  # SHORTS: ENDRX starts the next.
            self._start_rx()

    def _fill(self) -> None:
        while self._room and self.received:
            done = self._at(0x53C)
            self._memory.write_memory(self._at(0x534) + done, bytes([self._take()]))
            self._bus.poke(self._base + 0x53C, done + 1)
            self._bus.poke(self._base + 0x108, 1)  # RXDRDY
            if done + 1 == self._room:
                self._end_rx()
                return

    def _received_event(self, offset: int) -> int:
        self._fill()
        event = self._at(offset)
        if not event:
            self._has_received()
        return event


class _Pl011(Uart):
    """Arm PL011 TRM, DDI 0183, 3.3; RP2040 datasheet, 4.2.8."""

    def install(self) -> None:
        self._bus.on_read(self._base, self._take)
        self._bus.on_write(self._base, self._send)
        # FR: TXFE; RXFE while nothing is there.
        self._bus.on_read(self._base + 0x18, lambda: 1 << 7 | ((not self._has_received()) << 4))

    def enabled(self) -> bool:
        return self._at(0x30) & 0x101 == 0x101  # UARTEN, TXE

    def baud(self, clock_hz: int) -> float | None:
        divider = self._at(0x24) + self._at(0x28) / 64
        return clock_hz / (16 * divider) if divider else None


class _Cmsdk(Uart):
    """Arm CMSDK TRM, DDI 0479, 4.3: the UART of the MPS2 images."""

    def install(self) -> None:
        self._bus.on_read(self._base, self._take)
        self._bus.on_write(self._base, self._send)
        self._bus.on_read(self._base + 4, lambda: self._has_received() << 1)

    def enabled(self) -> bool:
        return bool(self._at(8) & 1)

    def baud(self, clock_hz: int) -> float | None:
        divider = self._at(0x10)
        return clock_hz / divider if divider else None


MODELS: Final[Mapping[str, type[Uart]]] = MappingProxyType(
    {
        "stm32_v1": _Stm32V1,
        "stm32_v2": _Stm32,
        "lpuart": _Lpuart,
        "nrf_uarte": _NrfUarte,
        "pl011": _Pl011,
        "cmsdk": _Cmsdk,
    }
)
"""By `console.kind`."""

"""Measures stack depth by painting: bytes that lost the paint were used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from edgegen.emulate.semihost import Memory

_PAINT: Final = 0xA5


class StackGauge:
    """Watches the stack between `limit` (lowest address) and `top`.

    A frame that is reserved but never written leaves no trace; a depth is therefore a lower bound,
    exact for code that writes what it reserves.
    """

    def __init__(self, memory: Memory, limit: int, top: int) -> None:
        self._memory = memory
        self._limit = limit
        self._top = top
        self._lowest = top
        self._start: int | None = None
        self.run_bytes = 0
        """Deepest use between `start` and `stop`, below the stack pointer at `start`."""
        self._paint(top)

    @property
    def bytes_used(self) -> int:
        """Deepest use of all, from the top of the stack."""
        return self._top - self._lowest

    @property
    def overflowed(self) -> bool:
        """Whether the last byte was used, so that more may have been."""
        return self._lowest <= self._limit

    def start(self, stack_pointer: int) -> None:
        """Begins to watch one inference."""
        self._lowest = min(self._lowest, self._deepest())
        self._start = stack_pointer
        self._paint(stack_pointer)

    def stop(self) -> None:
        """Ends it."""
        if self._start is None:
            return
        deepest = self._deepest()
        self.run_bytes = max(self.run_bytes, self._start - deepest)
        self._lowest = min(self._lowest, deepest)
        self._start = None

    def finish(self) -> None:
        """Takes the last measurement of the run."""
        self.stop()
        self._lowest = min(self._lowest, self._deepest())

    def _paint(self, end: int) -> None:
        if self._limit < end <= self._top:
            self._memory.write(self._limit, bytes([_PAINT]) * (end - self._limit))

    def _deepest(self) -> int:
        """The lowest address without paint."""
        content = self._memory.read(self._limit, self._top - self._limit)
        return self._limit + len(content) - len(content.lstrip(bytes([_PAINT])))

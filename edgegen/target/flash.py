"""What a board file says about flash: wait states, the width of a read, caches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edgegen.target.toml_table import Table

_CACHE_KINDS: Final = ("instruction", "data", "unified")
_HIDDEN_WAIT_STATES: Final = 3
"""Wait states up to which reading ahead keeps up with straight code; docs/cycle-model.md."""


@dataclass(frozen=True)
class Cache:
    """A cache between core and flash; None stands for what the manufacturer does not say.

    Attributes:
        kind: "instruction", "data" or "unified".
        line_bytes: bytes in a line.
        lines: lines in all.
        ways: lines in a set.
    """

    kind: str
    line_bytes: int | None
    lines: int | None
    ways: int | None

    @property
    def bytes(self) -> int | None:
        """Its size, if it is known."""
        if self.line_bytes is None or self.lines is None:
            return None
        return self.line_bytes * self.lines


@dataclass(frozen=True)
class FlashTiming:
    """Flash facts at the board's clock.

    Attributes:
        wait_states: cycles added to a read that misses.
        read_bytes: bytes that one read returns, or None where the manufacturer does not say.
        prefetch: whether the next read can be made while the core executes the last one.
        caches: in the file's order.
    """

    wait_states: int
    read_bytes: int | None
    prefetch: bool
    caches: tuple[Cache, ...]

    @property
    def loop_bytes(self) -> int | None:
        """Code bytes that a loop should not exceed, or None where that does not matter.

        An eighth of the instruction cache is left to the code that calls the loop.
        """
        if self.wait_states <= _HIDDEN_WAIT_STATES:
            return None
        sizes = [c.bytes for c in self.caches if c.kind != "data" and c.bytes is not None]
        return max(sizes) * 7 // 8 if sizes else None


def read_flash(table: Table) -> FlashTiming:
    """Reads the table `[flash]` of a board file."""
    caches = []
    for row in table.tables("cache"):
        caches.append(
            Cache(
                kind=row.choice("kind", _CACHE_KINDS),
                line_bytes=row.optional_number("line_bytes", 1, 1 << 16),
                lines=row.optional_number("lines", 1, 1 << 24),
                ways=row.optional_number("ways", 1, 1 << 16),
            )
        )
        row.finish()
    timing = FlashTiming(
        wait_states=table.number("wait_states", 0, 64),
        read_bytes=table.optional_number("read_bytes", 1, 1 << 10),
        prefetch=table.get("prefetch", bool, default=False),
        caches=tuple(caches),
    )
    table.finish()
    return timing

"""Cycles since reset, while a core runs: what firmware reads from its cycle counter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgegen.emulate.blocks import Marks, NativeCounter
from edgegen.emulate.cycles import MODELS, Pricer
from edgegen.emulate.native import load_block_counter, unicorn_library

if TYPE_CHECKING:
    from collections.abc import Callable

    from unicorn.unicorn_py3.unicorn import Uc

    from edgegen.target.cores import Core

_EVERYWHERE = Marks(start=None, stop=None, layers={}, layer_count=0)
_NO_LIMIT = (1 << 64) - 1
_SHORTEST = 32


class CycleClock:
    """Counts blocks and prices each one once.

    A core without a cycle model is taken to execute an instruction a cycle. On a host without a C
    compiler, where counting would slow everything down, the clock stands still.
    """

    def __init__(self, uc: Uc, core: Core, read: Callable[[int, int], bytes]) -> None:
        self._read = read
        self._pricer = Pricer(MODELS.get(core.cycle_model or ""))
        self._prices = np.zeros((0, 2), np.int64)
        library, engine = load_block_counter(), unicorn_library()
        self._counter: NativeCounter | None = None
        if library is not None and engine is not None:
            self._counter = NativeCounter(uc, _EVERYWHERE, _NO_LIMIT, library, engine)

    @property
    def instructions(self) -> int | None:
        """Instructions executed, or None where they are not counted."""
        return None if self._counter is None else self._counter.instructions

    @property
    def cycles(self) -> int | None:
        """Modelled cycles, or None for a core without a model."""
        return self.now() if self._counter and self._pricer.has_model else None

    def stop_within(self, cycles: int | None) -> None:
        """Has the core stop before so many cycles have passed; None: never.

        It may stop much earlier, but not too late: few instructions take more than 2 cycles.
        """
        if self._counter is not None:
            step = None if cycles is None else max(cycles // 2, _SHORTEST)
            self._counter.limit(_NO_LIMIT if step is None else self._counter.instructions + step)

    def stop_next(self) -> bool:
        """Has the core stop before the next block; False if that cannot be had."""
        if self._counter is None:
            return False
        self._counter.limit(self._counter.instructions)
        return True

    @property
    def stopped(self) -> bool:
        """Whether `stop_within` has stopped the core."""
        return self._counter is not None and self._counter.limit_hit

    def now(self) -> int:
        """What a cycle counter would show."""
        if self._counter is None:
            return 0
        if not self._pricer.has_model:
            return self._counter.instructions
        table = self._counter.table()
        if len(table) > len(self._prices):
            new = [self._price(row) for row in table[len(self._prices) :]]
            self._prices = np.concatenate([self._prices, np.array(new, np.int64)])
        executed = table["executed"].astype(np.int64) @ self._prices[:, 0]
        return int(executed + table["taken"].astype(np.int64) @ self._prices[:, 1])

    def _price(self, row: np.void) -> tuple[int, int]:
        address, size = int(row["address"]), int(row["size"])
        price = self._pricer.price(address, self._read(address, size))
        return price.cycles, price.taken_cycles

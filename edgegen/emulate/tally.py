"""Adds up priced blocks into the counts of a run."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from edgegen.emulate.result import Count, FunctionCount, LayerCount, ModelCount, RunResult

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from edgegen.emulate.blocks import Block, BlockCounter, Marks
    from edgegen.emulate.cycles import Pricer
    from edgegen.emulate.image import Image
    from edgegen.emulate.semihost import Memory, Semihost
    from edgegen.emulate.stack import StackGauge
    from edgegen.target.cores import Core


class _Sums:
    """Instructions and cycles by key."""

    def __init__(self, has_cycles: bool) -> None:
        self._has_cycles = has_cycles
        self._instructions: dict[Hashable, int] = defaultdict(int)
        self._cycles: dict[Hashable, int] = defaultdict(int)

    def add(self, key: Hashable, instructions: int, cycles: int) -> None:
        self._instructions[key] += instructions
        self._cycles[key] += cycles

    def keys(self) -> list[Hashable]:
        return list(self._instructions)

    def instructions(self, key: Hashable) -> int:
        return self._instructions.get(key, 0)

    def cycles(self, key: Hashable) -> int | None:
        return self._cycles.get(key, 0) if self._has_cycles else None

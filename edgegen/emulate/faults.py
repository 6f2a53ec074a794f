"""What an emulated core does wrong in memory, in words: hooks that every machine in Unicorn has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from edgegen.emulate.core import ACCESS_FAULTS

if TYPE_CHECKING:
    from unicorn.unicorn_py3.unicorn import Uc


class MemoryFaults(ABC):
    """Base of machines that stop at the first access that no memory answers."""

    _uc: Uc

    @abstractmethod
    def _fail(self, what: str) -> None:
        """Keeps the first thing that went wrong, with its place."""

    def _on_slack(self, *access: object) -> None:
        self._fail(f"access outside of memory: {access[2]:#010x}")
        self._uc.emu_stop()

    def _on_bad_access(
        self, _uc: Uc, access: int, address: int, size: int, _value: int, _data: object
    ) -> bool:
        kind = ACCESS_FAULTS.get(access, f"access {access} to")
        self._fail(f"{kind} address {address:#010x} ({size} bytes)")
        return False

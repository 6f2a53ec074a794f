"""Every read and write of one memory range by an emulated core, in order.

What a kernel promises about the order of its accesses (`edgegen.kernels.order`) is compared with
this in tests.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import numpy as np
from unicorn import unicorn_const

from edgegen.emulate.native import load_access_log, unicorn_library
from edgegen.errors import ToolError

if TYPE_CHECKING:
    import numpy.typing as npt
    from unicorn.unicorn_py3.unicorn import Uc

ENTRY = np.dtype([("address", np.uint32), ("size", np.uint16), ("written", np.uint16)])
"""One access: mirrors access_t of access_log.c."""


class _CLog(ctypes.Structure):
    """Mirrors log_t of access_log.c."""

    _fields_ = (
        ("entries", ctypes.c_void_p),
        ("count", ctypes.c_uint64),
        ("room", ctypes.c_uint64),
        ("out_of_memory", ctypes.c_int),
    )


class AccessLog:
    """The accesses to a symbol's bytes; attached to one run by `run_elf`."""

    def __init__(self, symbol: str = "arena") -> None:
        """Prepares to log the accesses to `symbol`.

        Raises:
            ToolError: this host has no C compiler to build the hook with.
        """
        self.symbol = symbol
        self._log = _CLog()
        library, engine = load_access_log(), unicorn_library()
        if library is None or engine is None:
            raise ToolError("no log of memory accesses: it takes a host C compiler, cc")
        self._library, self._engine = library, engine

    def attach(self, uc: Uc, where: range) -> None:
        """Has the emulator report accesses to the addresses in `where`."""
        kinds = unicorn_const.UC_HOOK_MEM_READ | unicorn_const.UC_HOOK_MEM_WRITE
        status = self._engine.uc_hook_add(
            uc._uch,
            ctypes.byref(ctypes.c_size_t()),
            ctypes.c_int(kinds),
            ctypes.cast(self._library.log_access, ctypes.c_void_p),
            ctypes.byref(self._log),
            ctypes.c_uint64(where.start),
            ctypes.c_uint64(where.stop - 1),
        )
        if status != unicorn_const.UC_ERR_OK:
            raise ToolError(f"Unicorn does not take a hook on memory: error {status}")

    def __len__(self) -> int:
        """Accesses so far."""
        return int(self._log.count)

    def entries(self, first: int = 0, end: int | None = None) -> npt.NDArray[np.void]:
        """A copy of the accesses `first` to `end`, of dtype `ENTRY`."""
        if self._log.out_of_memory:
            raise ToolError("the log of memory accesses is out of memory")
        end = len(self) if end is None else end
        if first >= end:
            return np.zeros(0, ENTRY)
        raw = ctypes.string_at(
            self._log.entries + first * ENTRY.itemsize, (end - first) * ENTRY.itemsize
        )
        return np.frombuffer(raw, ENTRY)

    def __del__(self) -> None:
        if getattr(self, "_library", None):
            self._library.log_free(ctypes.byref(self._log))

"""The emulated board's memory: its real regions with their access rights, and nothing else."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Final

from unicorn import unicorn_const

from edgegen.errors import Problem, ToolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from unicorn.unicorn_py3.unicorn import Uc

    from edgegen.emulate.image import Image
    from edgegen.target.board import Board

_PAGE: Final = 0x1000
# The private peripheral bus: system control space and debug, here memory that starts as zero.
_PPB: Final = (0xE0000000, 0x100000)
_ERASED: Final = b"\xff"


class MemoryReader:
    """The board's memory as an observer sees it while the core stands still.

    Attributes:
        model: index of the model whose inference is under way.
        inference: how many inferences that model has finished before.
    """

    def __init__(self, uc: Uc, image: Image) -> None:
        self._uc = uc
        self._image = image
        self.model = 0
        self.inference = 0

    def read(self, address: int, size: int) -> bytes:
        """Returns `size` bytes."""
        return bytes(self._uc.mem_read(address, size))

    def write(self, address: int, data: bytes) -> None:
        """Writes `data`, into read-only memory too."""
        self._uc.mem_write(address, data)

    def address(self, symbol: str) -> int:
        """Returns the address of a symbol of the image, such as "arena"."""
        return self._image.address(symbol)


def map_board(uc: Uc, board: Board, on_slack: Callable[..., None]) -> list[object]:
    """Maps the board's regions, flash read-only and erased, and the private peripheral bus.

    The bus is plain memory; see `map_regions` for the rest.
    """
    shared = map_regions(uc, board, on_slack)
    uc.mem_map(*_PPB)
    return shared


def map_regions(uc: Uc, board: Board, on_slack: Callable[..., None]) -> list[object]:
    """Maps the board's regions, flash read-only and erased.

    Args:
        uc: the emulator.
        board: gives the regions.
        on_slack: Unicorn memory hook for the rest of a page that is only partly memory.

    Returns:
        What must live as long as the emulator: memory that is mapped at two addresses.
    """
    shared: list[object] = []
    for region in board.regions:
        access = unicorn_const.UC_PROT_READ | unicorn_const.UC_PROT_EXEC
        if region.kind == "ram":
            access |= unicorn_const.UC_PROT_WRITE
        start, end = region.origin & -_PAGE, -(-region.end // _PAGE) * _PAGE
        if region.code_origin is None:
            uc.mem_map(start, end - start, access)
        else:
            memory = ctypes.create_string_buffer(region.size)
            shared.append(memory)
            for address in (region.origin, region.code_origin):
                uc.mem_map_ptr(address, region.size, access, ctypes.addressof(memory))
        if region.kind == "flash":
            uc.mem_write(region.origin, _ERASED * region.size)
        for low, high in ((start, region.origin), (region.end, end)):
            if low < high:
                kinds = unicorn_const.UC_HOOK_MEM_READ | unicorn_const.UC_HOOK_MEM_WRITE
                uc.hook_add(kinds, on_slack, None, low, high - 1)
    return shared


def load_image(uc: Uc, board: Board, image: Image) -> None:
    """Writes the image's segments to where a loader would put them.

    Raises:
        ToolError: a segment lies outside of the memory that the board lets an image use.
    """
    for segment in image.segments:
        end = segment.address + len(segment.data)
        if any(r.usable_origin <= segment.address and end <= r.end for r in board.regions):
            uc.mem_write(segment.address, segment.data)
            continue
        raise ToolError(
            Problem(
                f"{len(segment.data)} bytes at {segment.address:#010x} are outside of its memory",
                where=board.name,
                hint="was the image linked for another board?",
            )
        )

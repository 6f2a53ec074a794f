"""Unicorn's core for a board, and the words for what goes wrong on it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from unicorn import arm_const, unicorn_const
from unicorn.unicorn_py3.unicorn import Uc

from edgegen.errors import Problem, ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgegen.target.board import Board

NEVER: Final = 0xFFFFFFFE
"""An address outside of all memory, so that Unicorn runs until it is stopped."""

ACCESS_FAULTS: Final[Mapping[int, str]] = MappingProxyType(
    {
        unicorn_const.UC_MEM_READ_UNMAPPED: "read from unmapped",
        unicorn_const.UC_MEM_WRITE_UNMAPPED: "write to unmapped",
        unicorn_const.UC_MEM_FETCH_UNMAPPED: "instruction fetch from unmapped",
        unicorn_const.UC_MEM_READ_PROT: "read from protected",
        unicorn_const.UC_MEM_WRITE_PROT: "write to read-only",
        unicorn_const.UC_MEM_FETCH_PROT: "instruction fetch from protected",
    }
)
# QEMU's exception numbers (target/arm/cpu.h) that reach the interrupt hook.
EXCEPTIONS: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "undefined instruction",
        2: "SVC",
        3: "fetch fault",
        4: "data fault or unaligned access",
        7: "BKPT",
        17: "coprocessor or FPU instruction without that unit",
        18: "invalid state",
        20: "stack overflow",
        21: "instruction outside its state",
    }
)


def make_core(board: Board) -> Uc:
    """An emulator of the board's core."""
    model = board.core.unicorn_model
    if model is None:
        raise ToolError(Problem(f"Unicorn has no model of the {board.core.title}"))
    # Not UC_MODE_MCLASS: Unicorn 2.1 then takes a Cortex-M33 whatever model is asked for.
    number: int = getattr(arm_const, f"UC_CPU_ARM_{model}")
    return Uc(unicorn_const.UC_ARCH_ARM, unicorn_const.UC_MODE_THUMB, number)

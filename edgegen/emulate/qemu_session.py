"""The shipped firmware image in QEMU, its console over a pipe."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from edgegen.emulate.flat import read_for
from edgegen.emulate.process import ProcessSession
from edgegen.emulate.qemu import find_qemu, machine_of
from edgegen.errors import InputError, Problem, ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from edgegen.target.board import Board

# QEMU numbers the serial ports of a machine in the order of its UARTs; see hw/arm/stm32f405_soc.c,
# hw/arm/mps2.c, hw/arm/mps2-tz.c and hw/riscv/virt.c.
_STM32F405: Final = ("usart1", "usart2", "usart3", "uart4", "uart5", "usart6")
_MPS2: Final = ("uart0", "uart1", "uart2", "uart3", "uart4")
_UARTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "netduinoplus2": _STM32F405,
        "mps2-an385": _MPS2,
        "mps2-an386": _MPS2,
        "mps2-an500": _MPS2,
        "mps2-an505": _MPS2,
        "mps3-an547": _MPS2,
        "virt": ("uart0",),
    }
)


def why_not(board: Board) -> str | None:
    """Why QEMU cannot run the board's firmware, or None if it can."""
    machine = board.qemu_machine
    if machine is None:
        return "it has no machine with that memory and UART"
    if board.console is None:
        return "the board's file names no console"
    if board.console.uart not in _UARTS.get(machine, ()):
        return f"its machine {machine} has no known {board.console.uart}"
    return None


class QemuSession(ProcessSession):
    """Firmware in QEMU; implements `Session`.

    QEMU takes exceptions and interrupts as the core does. Its cycle counter reads 0, and its
    SysTick follows wall time unless `icount` ties it to the instructions executed.
    """

    emulator = "qemu"
    # The FPU's registers, sixteen lines that would hide what is wrong.
    unsaid = re.compile(r"s\d\d=|$")

    def __init__(self, image: Path, board: Board, *, icount: int | None = None) -> None:
        """Starts `image`, an ELF file that was linked for `board`.

        Args:
            image: the firmware.
            board: one with a QEMU machine and a console.
            icount: an instruction takes 2**icount nanoseconds of the machine's time; None leaves
                the machine to wall time, but for RISC-V, whose mcycle then counts instructions.

        Raises:
            ToolError: QEMU is missing, or cannot run this board.
            InputError: `icount` is out of range, or the image is not for this board.
        """
        reason = why_not(board)
        if reason:
            raise ToolError(Problem(f"QEMU cannot run {board.title}", why=reason))
        if icount is not None and not 0 <= icount <= 10:
            raise InputError(Problem(f"icount {icount} is not between 0 and 10"))
        assert board.console is not None
        read_for(image, board)  # QEMU itself would say nothing, and its core would stop
        if icount is None and board.core.isa == "riscv":
            # Without it, mcycle counts the host's cycles.
            icount = 0
        port = _UARTS[machine_of(board)].index(board.console.uart)
        self.command = (
            find_qemu(board),
            *("-machine", machine_of(board)),
            *("-display", "none", "-monitor", "none"),
            *("-chardev", "stdio,id=console,signal=off"),
            *(("-serial", "null") * port),
            *("-serial", "chardev:console"),
            *(("-icount", f"shift={icount}") if icount is not None else ()),
            *(("-bios", "none") if machine_of(board) == "virt" else ()),
            *("-kernel", str(image.resolve())),
        )
        super().__init__(self.command)

"""Hardware made of nothing but the tables of registers, on which board.c runs by itself.

It knows the registers of `register_tables`, which bit follows which, what must be on before what,
and what must not change while it is in use. It shares nothing with the models in edgegen.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from unicorn import arm_const

from edgegen.emulate.core import make_core
from edgegen.firmware.hal import hal_files
from edgegen.target.board import Board
from tests.firmware.register_tables import Register

# The core's own: DDI 0403E, B3.2. Its cycle counter and timer are no part of these tests.
_CORE = 0xE000_0000
_WINDOWS = ((0x4000_0000, 0x2000_0000), (0xE000_0000, 0x10_0000))
_STOP = 0x2FF0_0000
_STEPS = 4_000_000


@dataclass(frozen=True)
class Rules:
    """How a family behaves; a condition is `REGISTER.FIELD=value`.

    Attributes:
        follows: fields that take the value of others at once: (source, target).
        gates: conditions without which a peripheral's registers do not take writes.
        needs: what has to hold when a condition comes true; "|" is between alternatives.
        frozen: registers, or fields, and the conditions under which they must not change.
        effects: called with the hardware after each write.
    """

    follows: tuple[tuple[str, str], ...] = ()
    gates: dict[str, str] = field(default_factory=dict)
    needs: dict[str, str] = field(default_factory=dict)
    frozen: dict[str, str] = field(default_factory=dict)
    effects: tuple[Callable[[Hardware], None], ...] = ()


class Hardware:
    """A microcontroller's registers; what the firmware does wrong is kept in `wrong`."""

    def __init__(self, table: dict[str, Register], rules: Rules) -> None:
        self.table, self.rules = table, rules
        self.by_address = {r.address: r for r in table.values()}
        self.values = {r.address: r.reset for r in table.values()}
        self.wrong: list[str] = []
        self.written: set[str] = set()
        self.core: dict[int, int] = {}

    def get(self, name: str) -> int:
        """A register, or `REGISTER.FIELD`."""
        register, _, part = name.partition(".")
        known = self.table[register]
        value = self.values[known.address]
        return known.get(part, value) if part else value

    def put(self, name: str, value: int) -> None:
        """Sets a field, or a register, as hardware would."""
        register, _, part = name.partition(".")
        known = self.table[register]
        if not part:
            self.values[known.address] = value
            return
        low, width = known.fields[part]
        mask = ((1 << width) - 1) << low
        self.values[known.address] = self.values[known.address] & ~mask | value << low & mask

    def holds(self, conditions: str) -> list[str]:
        """Those of the conditions that do not hold."""
        pairs = [c.split("=") for c in conditions.split()]
        return [f"{n}={v}" for n, v in pairs if self.get(n) != int(v, 0)]

    def read(self, address: int) -> int:
        if address >= _CORE:
            return self.core.get(address, 0)
        if address not in self.by_address:
            self.wrong.append(f"reads {address:#010x}, which is no register of the table")
            return 0
        return self.values[address]

    def write(self, address: int, value: int) -> None:
        if address >= _CORE:
            self.core[address] = value
            return
        known = self.by_address.get(address)
        if known is None:
            self.wrong.append(f"writes {address:#010x}, which is no register of the table")
            return
        self.written.add(known.name)
        old = self.values[address]
        if (value ^ old) & ~known.mask():
            self.wrong.append(f"{known.name}: {old:#x} to {value:#x} changes reserved bits")
        gate = self.rules.gates.get(known.name.split("_")[0])
        if gate and self.holds(gate):
            self.wrong.append(f"writes {known.name} without {gate}")
        self._check_frozen(known, old, value)
        for _, target in self.rules.follows:
            register, _, part = target.partition(".")
            ours = register == known.name and "_EVENTS_" not in register
            if ours and known.get(part, old) != known.get(part, value):
                self.wrong.append(f"changes {target}, which only hardware sets")
        was = {condition for condition in self.rules.needs if self.holds(condition)}
        self.values[address] = value
        for condition in was:
            if not self.holds(condition):
                ways = [self.holds(way) for way in self.rules.needs[condition].split("|")]
                self.wrong += [f"{condition} without {other}" for other in min(ways, key=len)]
        for source, target in self.rules.follows:
            if source.split(".")[0] == known.name:
                self.put(target, self.get(source))
        for effect in self.rules.effects:
            effect(self)

    def _check_frozen(self, known: Register, old: int, value: int) -> None:
        for name, condition in self.rules.frozen.items():
            register, _, part = name.partition(".")
            if register != known.name or self.holds(condition):
                continue
            if (known.get(part, old) != known.get(part, value)) if part else old != value:
                self.wrong.append(f"{name} changes during {condition}")


class Firmware:
    """board.c alone, its functions called one by one."""

    def __init__(self, board: Board, hardware: Hardware, folder: Path) -> None:
        self.hardware = hardware
        flash = board.placement.code.origin + 0x400
        ram = board.placement.data.origin
        for name, text in hal_files(board).items():
            (folder / name).write_text(text, encoding="utf-8")
        subprocess.run(
            [
                *("arm-none-eabi-gcc", f"-mcpu={board.core.cpu}", "-mthumb", "-mfloat-abi=soft"),
                *("-std=c99", "-Os", "-ffreestanding", "-nostdlib", "-nostartfiles"),
                *(f"-Wl,-Ttext={flash:#x}", f"-Wl,-Tdata={ram:#x}", "-Wl,-e,board_init"),
                *("-Wl,--build-id=none", "-o", "board.elf", "board.c", "-lgcc"),
            ],
            cwd=folder,
            check=True,
        )
        self._uc = make_core(board)
        self._uc.mem_map(flash & ~0xFFFF, 0x1_0000)
        self._uc.mem_map(ram, 0x1_0000)
        self._uc.mem_map(_STOP, 0x1000)
        for origin, size in (*_WINDOWS, *_extra(hardware)):
            self._uc.mmio_map(origin, size, self._read, origin, self._write, origin)
        with (folder / "board.elf").open("rb") as file:
            elf = ELFFile(file)
            for segment in elf.iter_segments("PT_LOAD"):
                if segment["p_filesz"]:
                    self._uc.mem_write(segment["p_vaddr"], segment.data())
            table = elf.get_section_by_name(".symtab")
            assert isinstance(table, SymbolTableSection)
            self._symbols = {s.name: s["st_value"] for s in table.iter_symbols()}
        self._stack = ram + 0xF000

    def call(self, function: str, argument: int = 0) -> int:
        """Calls a function of board.h; returns its result."""
        self._uc.reg_write(arm_const.UC_ARM_REG_SP, self._stack)
        self._uc.reg_write(arm_const.UC_ARM_REG_LR, _STOP | 1)
        self._uc.reg_write(arm_const.UC_ARM_REG_R0, argument)
        self._uc.emu_start(self._symbols[function] | 1, _STOP, count=_STEPS)
        at = self._uc.reg_read(arm_const.UC_ARM_REG_PC)
        assert at & ~1 == _STOP, f"{function} does not return: it is at {at:#x}"
        result: int = self._uc.reg_read(arm_const.UC_ARM_REG_R0)
        return result

    def memory(self, address: int, size: int) -> bytes:
        return bytes(self._uc.mem_read(address, size))

    def store(self, address: int, data: bytes) -> None:
        self._uc.mem_write(address, data)

    def _read(self, _uc: object, offset: int, size: int, origin: int) -> int:
        assert size == 4
        return self.hardware.read(origin + offset)

    def _write(self, _uc: object, offset: int, size: int, value: int, origin: int) -> None:
        assert size == 4
        self.hardware.write(origin + offset, value)


def _extra(hardware: Hardware) -> list[tuple[int, int]]:
    """Windows for registers below the peripherals, as Nordic's FICR and UICR."""
    low = {r.address & ~0xFFF for r in hardware.table.values() if r.address < 0x4000_0000}
    return [(origin, 0x1000) for origin in sorted(low)]

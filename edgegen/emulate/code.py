"""The functions of a linked image as instructions, and the constants that lie among them."""

from __future__ import annotations

import bisect
import functools
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import capstone
from capstone import arm
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import SymbolTableSection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SHF_ALLOC: Final = 2
_SHF_EXECINSTR: Final = 4
_THUMB_BIT: Final = 1
# Relocations that put an address into a word or into a MOVW and MOVT pair, and the ones against an
# instruction's own place that are resolved (ELF for the Arm Architecture, table 5-6).
_ADDRESS_TYPES: Final = frozenset({2, 38, 47, 48})  # ABS32, TARGET1, THM_MOVW_ABS_NC, THM_MOVT_ABS


@dataclass(frozen=True)
class Section:
    """Bytes of the image where they are at run time."""

    name: str
    address: int
    data: bytes
    executable: bool

    @property
    def end(self) -> int:
        """Address after the last byte."""
        return self.address + len(self.data)


@dataclass(frozen=True)
class Function:
    """A function: its range ends where the next one begins, so that its literals are inside.

    Attributes:
        name: its symbol.
        start: address of its first instruction.
        end: address after its range.
        code: address ranges of instructions, as the assembler's mapping symbols tell (`$t`, `$d`:
            ELF for the Arm Architecture, section 5.5.5).
        local: whether only its own object file can name it.
    """

    name: str
    start: int
    end: int
    code: tuple[tuple[int, int], ...]
    local: bool


@dataclass(frozen=True)
class DataObject:
    """A constant or variable that has a symbol; `address` and `size` in bytes."""

    name: str
    address: int
    size: int


@dataclass(frozen=True)
class CodeImage:
    """What a linked image holds at run time.

    Attributes:
        sections: the allocated ones that have contents.
        functions: sorted by address.
        objects: sorted by address.
        addresses: places where the linker has put the address of something.
    """

    sections: tuple[Section, ...]
    functions: tuple[Function, ...]
    objects: tuple[DataObject, ...]
    addresses: tuple[int, ...]

    @cached_property
    def by_name(self) -> dict[str, Function]:
        """Functions by name."""
        return {f.name: f for f in self.functions}

    @cached_property
    def by_start(self) -> dict[int, Function]:
        """Functions by the address of their first instruction."""
        return {f.start: f for f in self.functions}

    def function_at(self, address: int) -> Function | None:
        """The function whose range holds an address."""
        at = bisect.bisect_right(self.functions, address, key=lambda f: f.start) - 1
        found = self.functions[at] if at >= 0 else None
        return found if found is not None and address < found.end else None

    def data_around(self, address: int) -> tuple[int, int]:
        """The range of the object that holds an address.

        Constants that the compiler makes have no symbol: what lies between two objects counts as
        one. The range is empty for an address without data.
        """
        section = next((s for s in self.sections if s.address <= address < s.end), None)
        if section is None or section.executable:
            return address, address
        at = bisect.bisect_right(self.objects, address, key=lambda o: o.address)
        start, end = section.address, section.end
        if at > 0:
            before = self.objects[at - 1]
            if address < before.address + before.size:
                return before.address, before.address + before.size
            start = max(start, before.address + before.size)
        if at < len(self.objects):
            end = min(end, self.objects[at].address)
        return start, end

    def read(self, start: int, end: int) -> bytes:
        """The bytes of a range that lies in one section; empty if it lies in none."""
        for section in self.sections:
            if section.address <= start and end <= section.end:
                return section.data[start - section.address : end - section.address]
        return b""

    def pointers(self, start: int, end: int) -> Iterator[int]:
        """The addresses that the linker has put into the words and instructions of a range."""
        first = bisect.bisect_left(self.addresses, start)
        low: dict[int, int] = {}
        for place in self.addresses[first:]:
            if place >= end:
                return
            function = self.function_at(place)
            if function is None or not any(a <= place < b for a, b in function.code):
                yield int.from_bytes(self.read(place, place + 4), "little")
                continue
            move = next(disassembler().disasm(self.read(place, place + 4), place), None)
            if move is None:
                continue
            register, half = move.operands[0].reg, move.operands[1].imm & 0xFFFF
            if move.id == arm.ARM_INS_MOVT and register in low:
                yield half << 16 | low[register]
            else:
                low[register] = half

    def instructions(self, function: Function) -> Iterator[capstone.CsInsn]:
        """A function's instructions with their operands, in order of address.

        Raises:
            ValueError: Capstone does not know an instruction.
        """
        for start, end in function.code:
            at = start
            for instruction in disassembler().disasm(self.read(start, end), start):
                at = instruction.address + instruction.size
                yield instruction
            if at != end:
                raise ValueError(f"unknown instruction at {at:#010x}")


@functools.cache
def disassembler() -> capstone.Cs:
    """Capstone for the instructions of every Cortex-M, with operands."""
    mode = capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS | capstone.CS_MODE_V8
    made = capstone.Cs(capstone.CS_ARCH_ARM, mode)
    made.detail = True
    return made


def read_code(path: Path) -> CodeImage:
    """Reads an ELF file linked with `--emit-relocs`."""
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        sections = tuple(
            Section(s.name, s["sh_addr"], s.data(), bool(s["sh_flags"] & _SHF_EXECINSTR))
            for s in elf.iter_sections()
            if s["sh_flags"] & _SHF_ALLOC and s["sh_type"] != "SHT_NOBITS" and s["sh_size"]
        )
        places = sorted(
            {
                relocation["r_offset"]
                for section in elf.iter_sections()
                if isinstance(section, RelocationSection)
                # Debug information starts at 0, as code in tightly coupled memory may.
                and elf.get_section(section["sh_info"])["sh_flags"] & _SHF_ALLOC
                for relocation in section.iter_relocations()
                if relocation["r_info_type"] in _ADDRESS_TYPES
            }
        )
        table = elf.get_section_by_name(".symtab")
        symbols = list(table.iter_symbols()) if isinstance(table, SymbolTableSection) else []
    starts: dict[int, tuple[str, bool]] = {}
    marks: list[tuple[int, bool]] = []
    objects = []
    for symbol in symbols:
        kind, value = symbol["st_info"]["type"], symbol["st_value"]
        if not isinstance(symbol["st_shndx"], int):
            continue
        if symbol.name.startswith(("$t", "$d")):
            marks.append((value, symbol.name.startswith("$t")))
        elif kind == "STT_FUNC":
            local = symbol["st_info"]["bind"] == "STB_LOCAL"
            starts.setdefault(value & ~_THUMB_BIT, (symbol.name, local))
        elif kind == "STT_OBJECT" and symbol["st_size"]:
            objects.append(DataObject(symbol.name, value, symbol["st_size"]))
    functions = [f for s in sections if s.executable for f in _functions(s, starts, sorted(marks))]
    return CodeImage(
        sections,
        tuple(sorted(functions, key=lambda f: f.start)),
        tuple(sorted(objects, key=lambda o: o.address)),
        tuple(places),
    )


def _functions(
    section: Section, starts: dict[int, tuple[str, bool]], marks: list[tuple[int, bool]]
) -> Iterator[Function]:
    """The functions of one section."""
    inside = sorted(a for a in starts if section.address <= a < section.end)
    for start, end in zip(inside, [*inside[1:], section.end], strict=True):
        edges = [(max(a, start), is_code) for a, is_code in marks if a < end]
        before = [is_code for a, is_code in edges if a == start]
        edges = [(start, before[-1] if before else True), *((a, c) for a, c in edges if a > start)]
        ends = [a for a, _ in edges[1:]] + [end]
        code = tuple((a, b) for (a, is_code), b in zip(edges, ends, strict=True) if is_code)
        name, local = starts[start]
        yield Function(name, start, end, code, local)

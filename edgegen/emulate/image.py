"""What the emulator and the reports need from an ELF file."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from edgegen.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SHF_ALLOC: Final = 2
_THUMB_BIT: Final = 1
# GCC renames a function that it specialises: constant arguments, dropped arguments, split body.
_CLONE: Final = re.compile(r"\.(?:constprop|isra|part)\.\d+")


@dataclass(frozen=True)
class Segment:
    """Bytes that a loader puts at `address`."""

    address: int
    data: bytes


@dataclass(frozen=True)
class Symbol:
    """A function or object of the image; `size` in bytes, the Thumb bit of `address` cleared."""

    name: str
    address: int
    size: int
    is_function: bool
    section: str


@dataclass(frozen=True)
class Image:
    """An ELF file's loadable bytes, symbols and section sizes (bytes, allocated sections only)."""

    segments: tuple[Segment, ...]
    symbols: tuple[Symbol, ...]
    sections: Mapping[str, int]

    @cached_property
    def _by_name(self) -> dict[str, Symbol]:
        return {symbol.name: symbol for symbol in self.symbols}

    @cached_property
    def _functions(self) -> tuple[list[int], list[Symbol]]:
        found = sorted((s for s in self.symbols if s.is_function), key=lambda s: s.address)
        return [symbol.address for symbol in found], found

    def address(self, name: str) -> int:
        """Returns the address of symbol `name`; see `symbol`."""
        return self.symbol(name).address

    def symbol(self, name: str) -> Symbol:
        """Returns the symbol `name`, or the clone GCC made of that function.

        Raises:
            InputError: the image has no such symbol.
        """
        exact = self._by_name.get(name)
        if exact:
            return exact
        clones = [
            symbol
            for symbol in self.symbols
            if symbol.name.startswith(name) and _CLONE.fullmatch(symbol.name[len(name) :])
        ]
        if len(clones) == 1:
            return clones[0]
        raise InputError(
            Problem(
                f"the image has no symbol {name!r}",
                hint="a function must be noinline and used to have an address of its own",
            )
        )

    def function_at(self, address: int) -> str:
        """Returns the name of the function that holds `address`, or "?" if none does."""
        addresses, functions = self._functions
        index = bisect.bisect_right(addresses, address) - 1
        return functions[index].name if index >= 0 else "?"


def read_image(path: Path) -> Image:
    """Reads the ELF file at `path`.

    Raises:
        InputError: the file cannot be read or is not an ELF file.
    """
    try:
        with path.open("rb") as stream:
            return _read(ELFFile(stream))
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror}", where=str(path))) from error
    except ELFError as error:
        raise InputError(Problem(f"is not an ELF file: {error}", where=str(path))) from error


def _read(elf: ELFFile) -> Image:
    segments = tuple(
        Segment(segment["p_paddr"], segment.data())
        for segment in elf.iter_segments()
        if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]
    )
    names = [section.name for section in elf.iter_sections()]
    table = elf.get_section_by_name(".symtab")
    symbols = []
    for symbol in table.iter_symbols() if isinstance(table, SymbolTableSection) else ():
        kind, index = symbol["st_info"]["type"], symbol["st_shndx"]
        if kind not in ("STT_FUNC", "STT_OBJECT", "STT_NOTYPE") or symbol.name.startswith("$"):
            continue
        is_function = kind == "STT_FUNC"
        symbols.append(
            Symbol(
                name=symbol.name,
                address=symbol["st_value"] & ~(_THUMB_BIT if is_function else 0),
                size=symbol["st_size"],
                is_function=is_function,
                section=names[index] if isinstance(index, int) else str(index),
            )
        )
    sections = {
        section.name: section["sh_size"]
        for section in elf.iter_sections()
        if section["sh_flags"] & _SHF_ALLOC
    }
    return Image(segments, tuple(symbols), sections)

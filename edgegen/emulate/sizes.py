"""Bytes by object file and section of a linked image, from the linker's map."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from edgegen.errors import InputError, Problem

if TYPE_CHECKING:
    from pathlib import Path

# ".text.kws_run  0x08000100  0x14 objects/2/kws.o"; the name is optional because GNU ld puts the
# rest on a line of its own after a long one.
_PIECE: Final = re.compile(r"^ (?:\S+)? +0x[0-9a-f]+ +0x(?P<bytes>[0-9a-f]+) (?P<file>\S.*\.o\)?)$")
_OUTPUT: Final = re.compile(r"^(?P<section>[.\w]+)(?:\s|$)")
# In the object files, but not loaded onto the board.
_NOT_LOADED: Final = (".debug", ".ARM.attributes", ".comment")
_START: Final = "Linker script and memory map"


@dataclass(frozen=True)
class ObjectSize:
    """What one object file put into one output section.

    Attributes:
        name: the object's stem, such as "kws"; "libc" and the like for all of a library.
        section: the output section, such as ".text", ".rodata" or ".weights".
        bytes: how many, without the padding between pieces.
    """

    name: str
    section: str
    bytes: int


def object_sizes(elf: Path) -> tuple[ObjectSize, ...]:
    """Returns the sizes of an image that `toolchain.build_elf` made, largest first.

    Raises:
        InputError: the image's map file cannot be read.
    """
    path = elf.with_suffix(".map")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror}", where=str(path))) from error
    return parse_map(text)


def parse_map(text: str) -> tuple[ObjectSize, ...]:
    """Reads the text of a map file by GNU ld."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    section = ""
    for line in text.partition(_START)[2].splitlines():
        output = _OUTPUT.match(line)
        piece = _PIECE.match(line)
        if output:
            section = output["section"]
        elif piece:
            sums[_stem(piece["file"]), section] += int(piece["bytes"], 16)
    found = [
        ObjectSize(name, section, size)
        for (name, section), size in sums.items()
        if size and section.startswith(".") and not section.startswith(_NOT_LOADED)
    ]
    return tuple(sorted(found, key=lambda size: (-size.bytes, size.name, size.section)))


def _stem(file: str) -> str:
    """The object's stem, or the library's: `.../libc_nano.a(lib_a-memcpy.o)` is "libc_nano"."""
    return PurePosixPath(file.partition("(")[0]).stem

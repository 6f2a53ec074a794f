"""Boards: TOML files read into frozen values, every problem of a file reported at once."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from edgegen.errors import BoardError, Problem
from edgegen.resources import boards_dir
from edgegen.target.cores import CORES, Core
from edgegen.target.flash import FlashTiming, read_flash
from edgegen.target.platformio import PlatformIo, read_platformio
from edgegen.target.soc import (
    Clock,
    Console,
    Energy,
    Soc,
    read_clock,
    read_console,
    read_energy,
    read_soc,
)
from edgegen.target.toml_table import Table

_ADDRESS_SPACE: Final = 2**32
_REGION_KINDS: Final = ("flash", "ram")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
SECTION: Final = re.compile(r"\.[A-Za-z_][A-Za-z0-9_.]*")
"""Names of linker sections that a C compiler and a linker script take without quotes."""
_PAGE: Final = 0x1000


@dataclass(frozen=True)
class Region:
    """A range of addresses that holds memory.

    Attributes:
        name: the name the placement uses.
        kind: "flash" (the program cannot write it) or "ram".
        origin: first address.
        size: bytes.
        reserved: bytes at the start that no image may use, such as RP2040's second-stage loader.
        code_origin: where the core sees the same RAM through its instruction bus, or None.
        section: what the linker sections are called that go there, as in ".ccmram".
        dma: whether peripherals' transfers reach it.
        execute: whether the core can fetch instructions from it.
        external: whether it is flash beside the microcontroller, which `[flash]` does not describe.
    """

    name: str
    kind: str
    origin: int
    size: int
    reserved: int
    code_origin: int | None = None
    section: str = ""
    dma: bool = True
    execute: bool = True
    external: bool = False

    @property
    def end(self) -> int:
        """First address past the region."""
        return self.origin + self.size

    @property
    def windows(self) -> tuple[range, ...]:
        """The addresses of the region, and those of its alias."""
        starts = (self.origin,) if self.code_origin is None else (self.origin, self.code_origin)
        return tuple(range(start, start + self.size) for start in starts)

    @property
    def usable_origin(self) -> int:
        """First address an image may use."""
        return self.origin + self.reserved

    @property
    def usable_code_origin(self) -> int:
        """First address of an image's code in this region."""
        start = self.origin if self.code_origin is None else self.code_origin
        return start + self.reserved

    @property
    def usable_size(self) -> int:
        """Bytes an image may use."""
        return self.size - self.reserved


@dataclass(frozen=True)
class Placement:
    """The region each part of an image goes to.

    Attributes:
        arena: where the arena goes; before a model is placed, the first choice.
        stack_bytes: kept at the top of the stack's region.
        ram_code: where code goes that is to run from RAM.
        arenas: regions for the arena, the preferred ones first; empty where `arena` is settled.
    """

    code: Region
    weights: Region
    data: Region
    arena: Region
    stack: Region
    stack_bytes: int
    ram_code: Region
    arenas: tuple[Region, ...] = ()

    @property
    def arena_choices(self) -> tuple[Region, ...]:
        """The regions that the arena may go to, the preferred ones first."""
        return self.arenas or (self.arena,)


@dataclass(frozen=True)
class Source:
    """Where facts of the board file were read: document number, section or page, which facts."""

    document: str
    section: str
    facts: str


@dataclass(frozen=True)
class Board:
    """A board as its TOML file describes it; `docs/boards.md` explains every key.

    Attributes:
        clock_hz: core clock in Hz, the highest the manufacturer allows.
        regions: memory in the file's order.
        set_vtor: whether the start-up code must point VTOR at the image's vector table.
        qemu_machine: QEMU's machine with this core and memory map, or None.
        qemu_without: regions that the machine lacks.
        soc: the microcontroller, or None where the file does not say.
        clock: what start-up code sets up, or None: the core stays on its reset clock.
        console: the UART that people read, or None.
        energy: what an estimate of energy needs, or None.
    """

    name: str
    title: str
    aliases: tuple[str, ...]
    core: Core
    fpu: str
    clock_hz: int
    regions: tuple[Region, ...]
    placement: Placement
    set_vtor: bool
    flash: FlashTiming
    platformio: PlatformIo | None
    qemu_machine: str | None
    qemu_without: tuple[str, ...]
    sources: tuple[Source, ...]
    soc: Soc | None = None
    clock: Clock | None = None
    console: Console | None = None
    energy: Energy | None = None

    @property
    def flags(self) -> tuple[str, ...]:
        """Compiler and linker flags that select the core and its FPU."""
        return self.core.flags(self.fpu)

    @property
    def tuned_core(self) -> Core:
        """The core with the largest loops that suit this board's flash."""
        return replace(self.core, loop_bytes=self.flash.loop_bytes)

    @property
    def has_fpu(self) -> bool:
        """Whether start-up code has an FPU to switch on."""
        return self.fpu != "none"

    def region(self, name: str) -> Region:
        """Returns the region called `name`.

        Raises:
            KeyError: there is none.
        """
        return {region.name: region for region in self.regions}[name]


def _read_regions(root: Table) -> tuple[Region, ...]:
    regions: list[Region] = []
    for table in root.tables("memory"):
        region = Region(
            name=table.get("name", str),
            kind=table.choice("kind", _REGION_KINDS),
            origin=table.number("origin", 0, _ADDRESS_SPACE - 1),
            size=table.number("size", 1, _ADDRESS_SPACE),
            reserved=table.number("reserved", 0, _ADDRESS_SPACE, default=0),
            code_origin=table.optional_number("code_origin", 0, _ADDRESS_SPACE - 1),
            section=table.get("section", str, default=f".{table.get('name', str)}"),
            dma=table.get("dma", bool, default=True),
            execute=table.get("execute", bool, default=True),
            external=table.get("external", bool, default=False),
        )
        if not SECTION.fullmatch(region.section):
            table.problem(f"{region.section!r} is no name of a section, as in '.fast'", "section")
        if region.external and region.kind != "flash":
            table.problem("is for flash only", "external")
        if not _NAME.fullmatch(region.name):
            table.problem(f"{region.name!r} is not a lower-case identifier", "name")
        if region.end > _ADDRESS_SPACE:
            table.problem("ends past the 4 GB address space", "size")
        if region.size and region.reserved >= region.size:
            table.problem("leaves nothing of the region", "reserved")
        if region.code_origin is not None:
            _check_alias(table, region)
        for other in regions:
            if other.name == region.name:
                table.problem(f"{region.name!r} is used twice", "name")
            if any(
                a.start < b.stop and b.start < a.stop for a in region.windows for b in other.windows
            ):
                table.problem(f"overlaps region {other.name!r}")
        table.finish()
        regions.append(region)
    if not regions:
        root.problem("is missing; a board needs [[memory]] tables for flash and RAM", "memory")
    return tuple(regions)


def _check_alias(table: Table, region: Region) -> None:
    assert region.code_origin is not None
    if region.kind != "ram":
        table.problem("is for RAM only", "code_origin")
    if region.origin % _PAGE or region.size % _PAGE or region.code_origin % _PAGE:
        table.problem(f"needs origin, size and code_origin in steps of {_PAGE:#x}", "code_origin")
    if region.code_origin + region.size > _ADDRESS_SPACE:
        table.problem("ends past the 4 GB address space", "code_origin")


def _read_placement(table: Table, regions: tuple[Region, ...]) -> Placement:
    by_name = {region.name: region for region in regions}

    def find(key: str, kind: str, name: str) -> Region:
        region = by_name.get(name, Region(name, kind, 0, 0, 0))
        if region.kind != kind and region.kind in _REGION_KINDS:
            table.problem(f"needs {kind}, but region {name!r} is {region.kind}", key)
        return region

    def pick(key: str, kind: str) -> Region:
        return find(
            key, kind, table.choice(key, tuple(by_name)) if by_name else table.get(key, str)
        )

    data = pick("data", "ram")
    arenas = [find("arena", "ram", n) for n in table.choices("arena", tuple(by_name))]
    placement = Placement(
        code=pick("code", "flash"),
        weights=pick("weights", "flash"),
        data=data,
        arena=arenas[0],
        stack=pick("stack", "ram"),
        stack_bytes=table.number("stack_bytes", 256, _ADDRESS_SPACE),
        ram_code=pick("ram_code", "ram") if table.has("ram_code") else data,
        arenas=tuple(arenas),
    )
    if not placement.ram_code.execute and table.has("ram_code"):
        table.problem(f"region {placement.ram_code.name!r} cannot hold code", "ram_code")
    # AAPCS32 section 6.2.1.2: SP is a multiple of 8 at every public interface.
    if placement.stack_bytes % 8:
        table.problem("must be a multiple of 8", "stack_bytes")
    if placement.stack.end % 8:
        table.problem(f"region {placement.stack.name!r} does not end at a multiple of 8", "stack")
    if placement.stack.size and placement.stack_bytes > placement.stack.usable_size:
        table.problem(
            f"is more than region {placement.stack.name!r} holds ({placement.stack.usable_size})",
            "stack_bytes",
        )
    table.finish()
    return placement


def _read_sources(root: Table) -> tuple[Source, ...]:
    sources = []
    for table in root.tables("source"):
        sources.append(
            Source(
                document=table.get("document", str),
                section=table.get("section", str),
                facts=table.get("facts", str),
            )
        )
        table.finish()
    return tuple(sources)


def parse_board(text: str, file: str) -> Board:
    """Reads a board description.

    Args:
        text: TOML.
        file: what to call it in error messages.

    Raises:
        BoardError: the text is not TOML, or not a valid board; lists every problem.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BoardError(Problem(f"is not valid TOML: {error}", where=file)) from error
    problems: list[Problem] = []
    root = Table(data, "", file, problems)
    name = root.get("name", str)
    if name and not _NAME.fullmatch(name):
        root.problem(f"{name!r} is not a lower-case identifier", "name")
    cpu = root.table("cpu")
    core = CORES.get(cpu.choice("core", tuple(CORES)))
    fpu = cpu.choice("fpu", core.fpus) if core else cpu.get("fpu", str)
    clock_hz = cpu.number("clock_hz", 1, 10**10)
    cpu.finish()
    regions = _read_regions(root)
    placement = _read_placement(root.table("placement"), regions)
    startup = root.table("startup")
    set_vtor = startup.get("set_vtor", bool)
    startup.finish()
    emulator = root.table("emulator")
    names = tuple(region.name for region in regions)
    qemu_machine = emulator.get("qemu_machine", str, default="") or None
    without = emulator.choices("qemu_without", names) if emulator.has("qemu_without") else []
    emulator.finish()
    title, aliases = root.get("title", str), root.strings("aliases")
    flash, sources = read_flash(root.table("flash")), _read_sources(root)
    platformio = read_platformio(root)
    soc, clock = read_soc(root), read_clock(root, clock_hz)
    console, energy = read_console(root, clock), read_energy(root)
    root.finish()
    if problems or core is None:
        raise BoardError(problems)
    return Board(
        name=name,
        title=title,
        aliases=aliases,
        core=core,
        fpu=fpu,
        clock_hz=clock_hz,
        regions=regions,
        placement=placement,
        set_vtor=set_vtor,
        flash=flash,
        platformio=platformio,
        qemu_machine=qemu_machine,
        qemu_without=tuple(without),
        sources=sources,
        soc=soc,
        clock=clock,
        console=console,
        energy=energy,
    )


def _read_file(path: Path) -> Board:
    try:
        return parse_board(path.read_text(encoding="utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BoardError(Problem(f"cannot be read: {reason}", where=str(path))) from error


def list_boards() -> tuple[Board, ...]:
    """Returns the boards that come with edgegen, by name.

    Raises:
        BoardError: a board file is invalid.
    """
    return tuple(_read_file(path) for path in sorted(boards_dir().glob("*.toml")))


def load_board(name_or_path: str | Path) -> Board:
    """Returns the board with this name or alias, or the one in the user's own `.toml` file.

    Names ignore case, and `-` reads as `_`.

    Raises:
        BoardError: no board has the name (close matches and all names are listed), or the file
            cannot be read, or describes no valid board (every problem is listed).
    """
    if isinstance(name_or_path, Path) or name_or_path.endswith(".toml"):
        return _read_file(Path(name_or_path))
    wanted = name_or_path.lower().replace("-", "_")
    boards = list_boards()
    for board in boards:
        if wanted == board.name or wanted in board.aliases:
            return board
    aliases = {alias: board.name for board in boards for alias in (board.name, *board.aliases)}
    close = [aliases[match] for match in difflib.get_close_matches(wanted, aliases, n=5)]
    unique = tuple(dict.fromkeys(close))
    best = f"did you mean {' or '.join(map(repr, unique))}? " if unique else ""
    names = ", ".join(board.name for board in boards)
    raise BoardError(
        Problem(
            f"there is no board {name_or_path!r}",
            hint=f"{best}boards: {names}; or give the path of your own .toml file",
        )
    )

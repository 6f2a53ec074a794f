"""Compiles and links bare-metal firmware with GCC for Arm, every warning an error."""

from __future__ import annotations

import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from edgegen.codegen.environment import render
from edgegen.errors import Problem, ToolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from edgegen.target.board import Board

GCC: Final = "arm-none-eabi-gcc"


@dataclass(frozen=True)
class CrossCompiler:
    """GCC for one instruction set.

    Attributes:
        gcc: the program.
        specs: the options of compiler and linker that choose the C library.
        hint: how to install it.
    """

    gcc: str
    specs: tuple[str, ...]
    hint: str


CROSS_COMPILERS: Final[Mapping[str, CrossCompiler]] = MappingProxyType(
    {
        "arm": CrossCompiler(
            GCC,
            ("--specs=nano.specs", "--specs=nosys.specs"),
            "install it with `sudo apt install gcc-arm-none-eabi libnewlib-arm-none-eabi`, "
            "or put Arm's GNU toolchain on PATH",
        ),
        "riscv": CrossCompiler(
            "riscv64-unknown-elf-gcc",
            ("--specs=picolibc.specs",),
            "install it with "
            "`sudo apt install gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf`",
        ),
    }
)
"""By `Core.isa`."""
_WARNINGS: Final = (
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wshadow",
    "-Wdouble-promotion",
    "-Werror",
)
# Without -fno-ipa-icf, GCC makes one function of two layers that do the same at the same place, and
# nothing can be counted for the second.
_GCC_ONLY: Final = ("-fno-ipa-icf",)
_COMPILE: Final = ("-std=c99", "-ffunction-sections", "-fdata-sections", *_WARNINGS)
COMPILERS: Final = ("gcc", "clang")
"""What can compile for Arm; GCC links in any case."""
# newlib-nano only for memcpy, memset and their like; the start-up code is ours. --nmagic keeps the
# segments from reaching down to a page boundary, which may be reserved memory. --emit-relocs tells
# the stack analysis which words are addresses.
_LINK: Final = (
    "-nostartfiles",
    *CROSS_COMPILERS["arm"].specs,
    "-Wl,--gc-sections",
    "-Wl,--nmagic",
    "-Wl,--emit-relocs",
    "-Wl,--fatal-warnings",
)
_JOBS: Final = 2
_STACK_USAGE: Final = re.compile(r"^.*:(?P<name>[^:\t]+)\t(?P<bytes>\d+)\t(?P<kind>\S+)$", re.M)


@dataclass(frozen=True)
class Sections:
    """Names of linker sections that libraries use besides the compiler's own, by part."""

    arena: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    code: tuple[str, ...] = ()

    @classmethod
    def union(cls, several: Iterable[Sections]) -> Sections:
        """All names of several libraries, each once."""
        found = list(several)

        def names(part: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(name for one in found for name in getattr(one, part)))

        return cls(names("arena"), names("weights"), names("code"))


@dataclass(frozen=True)
class StackUse:
    """The stack frame GCC gives a function: its bytes, and "static" if that is the whole truth."""

    function: str
    frame_bytes: int
    kind: str


def find_gcc(isa: str = "arm") -> str:
    """Returns the path of the cross compiler for an instruction set, as `Core.isa` has it.

    Raises:
        ToolError: it is not installed; says how to install it.
    """
    compiler = CROSS_COMPILERS[isa]
    path = shutil.which(compiler.gcc)
    if path is None:
        raise ToolError(Problem(f"{compiler.gcc} is not on PATH", hint=compiler.hint))
    return path


def build_elf(
    sources: Sequence[Path],
    board: Board,
    *,
    workdir: Path,
    include_dirs: Sequence[Path] = (),
    optimize: str = "-O2",
    defines: Sequence[str] = (),
    stack_usage: bool = False,
    ram_code: bool = False,
    sections: Sections | None = None,
    compiler: str = "gcc",
) -> Path:
    """Compiles `sources` with the board's start-up code and links them for its memory.

    Args:
        sources: C and assembler files; one of them defines `main`.
        board: where the image goes.
        workdir: receives start-up code, linker script, objects and the ELF; made if missing.
        include_dirs: searched for headers, after `workdir`.
        optimize: GCC's optimisation options, such as "-O2" or "-O2 -fno-inline".
        defines: macros as "NAME" or "NAME=VALUE".
        stack_usage: also have GCC report each function's frame; see `read_stack_usage`.
        ram_code: have the start-up code copy functions in sections called `.ramfunc.*` to RAM.
        sections: more sections, to go where the board places their parts.
        compiler: one of `COMPILERS`.

    Returns:
        The ELF file, `workdir/firmware.elf`.

    Raises:
        ToolError: the compiler is missing, or reports errors; lists those of every file.
    """
    gcc, sections = find_gcc(), sections or Sections()
    workdir.mkdir(parents=True, exist_ok=True)
    startup = workdir / "startup.c"
    startup.write_text(_firmware("startup.c", board, ram_code, sections), encoding="utf-8")
    (workdir / "semihost.h").write_text(render("firmware/semihost.h.j2"), encoding="utf-8")
    script = workdir / "linker.ld"
    script.write_text(_firmware("linker.ld", board, ram_code, sections), encoding="utf-8")
    compile_command = [
        *_compiler(compiler, board),
        *_COMPILE,
        *optimize.split(),
        *(["-fstack-usage"] if stack_usage else []),
        *(f"-D{define}" for define in defines),
        *(f"-I{folder}" for folder in (workdir, *include_dirs)),
    ]
    objects = _compile_all(compile_command, [startup, *sources], workdir / "objects")
    elf = workdir / "firmware.elf"
    link = [gcc, *board.flags, *_LINK, f"-T{script}", f"-Wl,-Map={elf.with_suffix('.map')}"]
    if compiler == "clang":
        # Its objects say that their stack is not executable; some of newlib's say nothing.
        link.append("-Wl,-z,noexecstack")
    # Float networks call the mathematical functions of the C library.
    inputs = [*map(str, objects), "-lm"]
    problem = _run([*link, *inputs, "-o", str(elf)], "linking firmware.elf")
    if problem:
        raise ToolError(problem)
    return elf


def _compiler(name: str, board: Board) -> list[str]:
    """The compiler with what it needs to know about the board."""
    if name == "clang":
        from edgegen.emulate.clang import clang_command

        return clang_command(board)
    return [find_gcc(), *board.flags, *_GCC_ONLY]


def _firmware(file: str, board: Board, ram_code: bool, sections: Sections) -> str:
    return render(
        f"firmware/{file}.j2",
        board=board,
        ram_code=ram_code,
        ram_weights=board.placement.weights.kind == "ram",
        sections=sections,
    )


def read_stack_usage(workdir: Path) -> tuple[StackUse, ...]:
    """Returns the frames of an image that was built with `stack_usage`, largest first."""
    found = [
        StackUse(match["name"], int(match["bytes"]), match["kind"])
        for report in sorted((workdir / "objects").rglob("*.su"))
        for match in _STACK_USAGE.finditer(report.read_text(encoding="utf-8"))
    ]
    return tuple(sorted(found, key=lambda use: (-use.frame_bytes, use.function)))


def _compile_all(command: list[str], sources: Sequence[Path], folder: Path) -> list[Path]:
    # A folder for each source: stems may repeat, and the linker script looks at the object's name.
    objects = [folder / str(index) / f"{source.stem}.o" for index, source in enumerate(sources)]

    def compile_one(source: Path, target: Path) -> Problem | None:
        target.parent.mkdir(parents=True, exist_ok=True)
        return _run([*command, "-c", str(source), "-o", str(target)], f"compiling {source.name}")

    with ThreadPoolExecutor(max_workers=_JOBS) as pool:
        problems = list(pool.map(compile_one, sources, objects))
    failed = [problem for problem in problems if problem]
    if failed:
        raise ToolError(failed)
    return objects


def _run(command: list[str], what: str) -> Problem | None:
    """Runs the compiler; returns what went wrong, or None."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    return Problem(f"{what} failed", why=done.stderr.strip() or f"exit code {done.returncode}")

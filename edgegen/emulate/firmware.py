"""Turns generated model libraries into one runnable test image."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgegen.codegen.environment import render
from edgegen.emulate.toolchain import Sections, build_elf
from edgegen.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edgegen.target.board import Board


@dataclass(frozen=True)
class Port:
    """An input or output of a model: its C accessor and the macro that holds its bytes."""

    accessor: str
    bytes_macro: str


@dataclass(frozen=True)
class ModelLibrary:
    """A generated library as the test firmware sees it.

    Attributes:
        name: the C prefix, such as "kws": header kws.h, type kws_arena_t, function kws_run.
        sources: its C files; weights in `*_weights.c`, so that their size is reported apart.
        include_dir: the folder of its header.
        inputs: in the order in which the input file holds them.
        outputs: in the order in which the output file will hold them.
        arena: C expression of a pointer to an arena of the library's own; empty: the firmware's.
        sections: linker sections that it names.
        header: declares its functions and its arena; empty: NAME.h.
    """

    name: str
    sources: tuple[Path, ...]
    include_dir: Path
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    arena: str = ""
    sections: Sections = field(default_factory=Sections)
    header: str = ""

    @classmethod
    def single(cls, name: str, sources: Sequence[Path], include_dir: Path) -> ModelLibrary:
        """A library with one input and one output, under their short names."""
        return cls(
            name,
            tuple(sources),
            include_dir,
            (Port(f"{name}_input", f"{name.upper()}_INPUT_BYTES"),),
            (Port(f"{name}_output", f"{name.upper()}_OUTPUT_BYTES"),),
        )


@dataclass(frozen=True)
class _RunnerModel:
    """A model's view in runner_main.c.j2."""

    name: str
    input_file: str
    output_file: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    arena: str


def input_file(index: int, count: int) -> str:
    """The file from which model `index` of `count` reads: "input.bin" if it is the only one."""
    return "input.bin" if count == 1 else f"input_{index}.bin"


def output_file(index: int, count: int) -> str:
    """The file to which model `index` of `count` writes."""
    return "output.bin" if count == 1 else f"output_{index}.bin"


def build_runner(
    models: Sequence[ModelLibrary],
    board: Board,
    *,
    workdir: Path,
    optimize: str = "-O2",
    defines: Sequence[str] = (),
    stack_usage: bool = False,
    ram_code: bool = False,
    compiler: str = "gcc",
) -> Path:
    """Builds an image that runs every model on the inputs in its input file.

    Models without an arena of their own share one, so hundreds of small ones fit a small board.

    Args:
        models: libraries with distinct names.
        board: where the image will run.
        workdir: receives all files made on the way.
        optimize: see `toolchain.build_elf`.
        defines: macros as "NAME" or "NAME=VALUE".
        stack_usage: see `toolchain.build_elf`.
        ram_code: see `toolchain.build_elf`.
        compiler: see `toolchain.build_elf`.

    Returns:
        The ELF file.

    Raises:
        ToolError: the compiler is missing, or the code does not compile or does not fit.
    """
    names = [model.name for model in models]
    if not names or len(set(names)) != len(names):
        raise InternalError(f"a test image needs models with distinct names, not {names}")
    count = len(models)
    views = [
        _RunnerModel(
            model.name,
            input_file(index, count),
            output_file(index, count),
            model.inputs,
            model.outputs,
            model.arena or f"&arena.{model.name}",
        )
        for index, model in enumerate(models)
    ]
    workdir.mkdir(parents=True, exist_ok=True)
    runner = workdir / "runner_main.c"
    shared = [view for view, model in zip(views, models, strict=True) if not model.arena]
    headers = dict.fromkeys(model.header or f"{model.name}.h" for model in models)
    main = render("firmware/runner_main.c.j2", models=views, shared=shared, headers=headers)
    runner.write_text(main, encoding="utf-8")
    return build_elf(
        [runner, *(source for model in models for source in model.sources)],
        board,
        workdir=workdir,
        include_dirs=list(dict.fromkeys(model.include_dir for model in models)),
        optimize=optimize,
        defines=defines,
        stack_usage=stack_usage,
        ram_code=ram_code,
        sections=Sections.union(model.sections for model in models),
        compiler=compiler,
    )

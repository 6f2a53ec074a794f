"""The pipeline: every stage a pure function with its own result type.

bytes --read--> RawGraph --build--> Graph --passes--> Graph --select--> Program
      --plan--> Plan --pack--> Package --render--> files
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgegen.codegen.layout import Layout
from edgegen.codegen.names import library_name, why_not_library
from edgegen.codegen.package import Package, pack
from edgegen.codegen.render import render_library
from edgegen.codegen.writer import MARKER, write_folder
from edgegen.errors import InputError, Problem
from edgegen.frontends.build import build as build_graph
from edgegen.frontends.onnx import OnnxOptions
from edgegen.frontends.read import embedded, read_raw
from edgegen.ir import Graph
from edgegen.ir.text import graph_text
from edgegen.kernels.program import Program, program_text
from edgegen.passes.base import Pass, run_passes
from edgegen.passes.constant_channels import remove_constant_channels
from edgegen.passes.constant_folding import fold_constants
from edgegen.passes.dead_code import remove_dead_code
from edgegen.passes.explicit_padding import absorb_padding
from edgegen.passes.flattening import read_images_whole
from edgegen.passes.layout import assign_layouts
from edgegen.passes.removed import removed
from edgegen.passes.widening import fuse_widening
from edgegen.plan.plan import Plan, plan, plan_text
from edgegen.report.build_report import build_report, report_text
from edgegen.target.arithmetic import require_integers
from edgegen.target.board import Board
from edgegen.target.budget import select_within
from edgegen.target.cores import Core
from edgegen.target.fit import Fit, check_budgets, check_fit
from edgegen.target.places import Places, name_sections, settle
from edgegen.target.stage import Reading, stage
from edgegen.target.streams import by_rows

PASSES: tuple[Pass, ...] = (
    Pass("dead_code", remove_dead_code),
    Pass("constant_folding", fold_constants),
    Pass("widening", fuse_widening),
    Pass("layout", assign_layouts),
    Pass("explicit_padding", absorb_padding),
    Pass("constant_channels", remove_constant_channels),
    Pass("flattening", read_images_whole),
)
"""Every exact rewrite, in order."""

DTYPES = ("int8", "float32")
"""What generated code may compute on."""

MAX_MODEL_BYTES = 1 << 28


@dataclass(frozen=True)
class Options:
    """What a user can ask of a build.

    Attributes:
        name: prefix of all C identifiers; made from the model's file name when None.
        optimize: `speed`, `balanced`, `ram` or `size`.
        kernels_in_ram: whether the kernels' code is to run from RAM.
        flash_budget: bytes for constants and code that kernel selection keeps to; None: any.
        ram_budget: bytes for the arena that it keeps to; None: any.
        keep_input: whether the inputs' bytes must survive an inference.
        places: memory regions that the user named.
        input_rows: whether the caller delivers the input row by row while the model runs.
        layout: linker sections that the user named, and who owns the arena.
        streaming: whether layers may run row by row where RAM is short.
        staging: which layers copy their constants to RAM before they run, one of `STAGING`.
        constants_at: how the board reads constants; staging needs it.
        reading: what an ONNX file leaves open: shapes and layouts.
        dtype: `int8` refuses models that compute on float32; `float32` builds them as they are.
    """

    name: str | None = None
    optimize: str = "balanced"
    kernels_in_ram: bool = False
    flash_budget: int | None = None
    ram_budget: int | None = None
    keep_input: bool = False
    places: Places = field(default_factory=Places)
    layout: Layout = field(default_factory=Layout)
    streaming: bool = True
    input_rows: bool = False
    staging: str = "off"
    constants_at: Reading | None = None
    reading: OnnxOptions = field(default_factory=OnnxOptions)
    dtype: str = "int8"

    def core(self, board: Board) -> Core:
        """The board's core as kernels should see it: code in RAM may have loops of any size."""
        return board.core if self.kernels_in_ram else board.tuned_core

    def within(self, board: Board) -> Options:
        """The same with what the board has where the user set no budget."""
        place = board.placement
        room = max(
            region.usable_size - (place.stack_bytes if place.stack == region else 0)
            for region in place.arena_choices
        )
        flash = min(place.weights.usable_size, place.code.usable_size)
        return replace(
            self,
            flash_budget=flash if self.flash_budget is None else self.flash_budget,
            ram_budget=room if self.ram_budget is None else self.ram_budget,
            constants_at=Reading.of(board),
        )


@dataclass(frozen=True)
class Compilation:
    """Everything that the pipeline produced for one model.

    Attributes:
        source: the graph as read.
        optimised: the graph after all passes, before kernels were chosen.
        package: the packed program; plan, program and rewritten graph hang off it.
        dumps: text of every stage by file name, in order.
    """

    source: Graph
    optimised: Graph
    package: Package
    dumps: Mapping[str, str] = field(repr=False)

    @property
    def name(self) -> str:
        """Prefix of all C identifiers."""
        return self.package.name

    @property
    def plan(self) -> Plan:
        """The planned program."""
        return self.package.plan

    @property
    def program(self) -> Program:
        """The kernel calls."""
        return self.package.plan.program

    @property
    def graph(self) -> Graph:
        """The graph that the program computes: passes done, format conversions inserted."""
        return self.package.plan.program.graph


@dataclass(frozen=True)
class Library:
    """A rendered library and its report.

    Attributes:
        board: the board with the regions that were chosen.
    """

    compilation: Compilation
    board: Board
    fit: Fit
    report: Mapping[str, Any]
    files: Mapping[str, str] = field(repr=False)


def load_model(path: Path) -> bytes:
    """Reads a model file.

    Raises:
        InputError: it does not exist, cannot be read, or is implausibly large.
    """
    try:
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise InputError(Problem(f"{path.name} is over {MAX_MODEL_BYTES >> 20} MB"))
        return embedded(path.read_bytes(), path.parent)
    except OSError as error:
        raise InputError(
            Problem(f"cannot read {str(path)!r}", why=str(error.strerror or error))
        ) from error


def model_name(path: Path, options: Options) -> str:
    """The prefix of all C identifiers of a model.

    Raises:
        InputError: the user's name cannot be one.
    """
    if options.name is None:
        return library_name(path.stem)
    why = why_not_library(options.name)
    if why is not None:
        raise InputError(
            Problem(
                f"{options.name!r} cannot be the library's name",
                why=why,
                hint=f"for example --name {library_name(options.name)}",
            )
        )
    return options.name


def read_graph(blob: bytes, name: str, reading: OnnxOptions | None = None) -> Graph:
    """Reads and checks a model; `reading` says what the file leaves open."""
    return build_graph(read_raw(blob, reading), name)


def optimised_graph(blob: bytes, name: str) -> Graph:
    """Reads a model and runs all passes."""
    return run_passes(read_graph(blob, name), PASSES)


def prepared_graph(blob: bytes, name: str, options: Options) -> Graph:
    """Reads a model as a build does, runs all passes; `options` may allow float32.

    Raises:
        EdgegenError: it cannot be read, or computes on float32 without leave.
    """
    source = read_graph(blob, name, options.reading)
    if options.dtype != "float32":
        require_integers(source)
    return run_passes(source, PASSES)


def compile_model(
    blob: bytes, name: str, core: Core, options: Options | None = None
) -> Compilation:
    """Runs every stage up to packing.

    Args:
        blob: the model file's bytes.
        name: prefix of all C identifiers.
        core: the core that the code will run on.
        options: what the user asked for.

    Raises:
        EdgegenError: the model cannot be compiled; nothing else is raised for any bytes.
    """
    options = options or Options()
    if options.keep_input and options.input_rows:
        raise InputError(
            Problem("an input that comes by rows is never whole: it cannot be kept intact")
        )
    source = read_graph(blob, name, options.reading)
    if options.dtype != "float32":
        require_integers(fuse_widening(source))
    dumps = {"00_read.txt": graph_text(source)}

    def seen(item: str, result: Graph) -> None:
        dumps[f"{len(dumps):02d}_{item}.txt"] = graph_text(result)

    graph = run_passes(source, PASSES, seen)
    if options.keep_input:
        graph = replace(graph, kept=graph.inputs)
    if options.input_rows:
        graph = by_rows(graph)
    program = select_within(
        graph,
        core,
        options.optimize,
        options.flash_budget,
        options.ram_budget,
        streaming=options.streaming,
    )
    if options.constants_at is not None:
        program = stage(program, options.constants_at, options.staging, options.ram_budget)
    dumps[f"{len(dumps):02d}_select.txt"] = program_text(program)
    planned = plan(program)
    dumps[f"{len(dumps):02d}_plan.txt"] = plan_text(planned)
    return Compilation(
        source, graph, pack(planned, name, kernels_in_ram=options.kernels_in_ram), dumps
    )


def place(
    compilation: Compilation, board: Board, options: Options | None = None
) -> tuple[Compilation, Board]:
    """Chooses the arena's region and names the linker sections; `options.places` is already done.

    Returns:
        The compilation with its sections, and the board with one region for the arena.
    """
    options = options or Options()
    board = settle(board, (compilation.package,))
    layout = name_sections(compilation.package, board, options.layout)
    return replace(compilation, package=replace(compilation.package, layout=layout)), board


def render(compilation: Compilation, board: Board, options: Options | None = None) -> Library:
    """Places the parts, checks the fit and renders all files.

    Raises:
        FitError: the model does not fit the board, or not the budgets of `options`.
    """
    compilation, board = place(compilation, board, options)
    fit = check_fit(compilation.package, board)
    if options is not None:
        check_budgets(fit, compilation.plan.arena.size, options.flash_budget, options.ram_budget)
    report = build_report(
        compilation.package, board, fit, removed(compilation.source, compilation.optimised)
    )
    files = {**render_library(compilation.package), MARKER: report_text(report)}
    return Library(compilation, board, fit, report, files)


def build_library(
    model: Path,
    board: Board,
    output: Path | None = None,
    options: Options | None = None,
    blob: bytes | None = None,
) -> tuple[Library, Path]:
    """`edgegen build`: from a model file to a folder, which appears whole or not at all.

    Args:
        model: the model file.
        board: what to build for.
        output: the folder; by default the model's name.
        options: what the user asked for.
        blob: the int8 model file that quantisation made of a float one; None: `model` itself.

    Returns:
        The library and the folder it was written to.
    """
    options = options or Options()
    name = model_name(model, options)
    if blob is not None:  # what the model file left open was settled when it was read
        options = replace(options, reading=OnnxOptions())
    compilation = compile_model(blob or load_model(model), name, options.core(board), options)
    library = render(compilation, board, options)
    target = output if output is not None else Path(name)
    write_folder(target, library.files)
    return library, target

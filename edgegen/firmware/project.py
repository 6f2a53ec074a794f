"""`edgegen new-project`: a folder that builds to firmware, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Final

from edgegen.codegen.package import Package
from edgegen.codegen.writer import write_folder
from edgegen.emulate.toolchain import Sections
from edgegen.errors import FitError, InputError, Problem
from edgegen.firmware.app import APPS as CONSOLES
from edgegen.firmware.app import app_board, app_defines, render_app
from edgegen.firmware.demo import render_demo
from edgegen.firmware.hal import hal_files
from edgegen.firmware.kinds import KINDS
from edgegen.firmware.own import APP as OWN
from edgegen.firmware.samples import Samples, choose_samples
from edgegen.pipeline import Compilation, Options, render
from edgegen.target.board import Board
from edgegen.target.fit import measure

APPS: Final = ("demo", *CONSOLES)
"""What a project's main program can be: a run over a few samples, or a console."""

_BUILD_TARGETS: Final = frozenset(("app", "firmware", "kernel", "zephyr"))
"""Of the project's own build, or of Zephyr's."""


@dataclass(frozen=True)
class Target:
    """A board of a project, and the library that was made for it.

    Attributes:
        board: with its regions settled.
        package: the network, placed.
        library: the library's files, text by name.
        hal: start-up code, board.c and linker script, by name; empty where the kind has its own.
    """

    board: Board
    package: Package
    library: Mapping[str, str] = field(repr=False)
    hal: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Project:
    """What the build files of a kind are made from.

    Attributes:
        name: of the library, and so of the project.
        app: one of `APPS`, or that of `own.py`.
        app_files: the application's C files by name.
        defines: macros that everything is compiled with.
        samples: what the demonstration runs.
    """

    name: str
    targets: tuple[Target, ...]
    app: str
    app_files: Mapping[str, str] = field(repr=False)
    defines: tuple[str, ...] = ()
    samples: Samples | None = None

    @property
    def target(self) -> Target:
        """The first board."""
        return self.targets[0]


def write_project(
    compilation: Compilation,
    board: Board,
    kind: str,
    folder: Path,
    *,
    app: str = "console",
    own: Mapping[str, str] | None = None,
    samples: Samples | None = None,
    options: Options | None = None,
) -> Project:
    """Writes a project for one board; see `write_projects`."""
    return write_projects(
        [(compilation, board)], kind, folder, app=app, own=own, samples=samples, options=options
    )


def write_projects(
    targets: Sequence[tuple[Compilation, Board]],
    kind: str,
    folder: Path,
    *,
    app: str = "console",
    own: Mapping[str, str] | None = None,
    samples: Samples | None = None,
    options: Options | None = None,
) -> Project:
    """Writes a project.

    Args:
        targets: the model compiled for each board; only some kinds take several.
        kind: one of `KINDS`.
        folder: must not exist, or be empty: what a user has changed there is never replaced.
        app: one of `APPS`.
        own: C files by name, with a main.c over `board.h`, instead of those of `app`.
        samples: what the demonstration runs, which has no other input; by default the self-test's.
        options: what the user asked of the compilation.

    Raises:
        InputError: the folder is there already, the kind takes fewer boards, or the library's name
            is that of another part of the project.
        BoardError: a board file does not say what start-up code needs.
        FitError: the model does not fit a board.
    """
    project = make_project(targets, kind, app=app, own=own, samples=samples, options=options)
    _require_own_name(project)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(
            Problem(
                f"{folder.name!r} exists already",
                why="what is changed in a project is yours, so none is written over",
                hint="choose another folder with -o, or remove it",
            )
        )
    write_folder(folder, KINDS[kind].files(project))
    return project


def make_project(
    targets: Sequence[tuple[Compilation, Board]],
    kind: str,
    *,
    app: str,
    own: Mapping[str, str] | None = None,
    samples: Samples | None = None,
    options: Options | None = None,
) -> Project:
    """Everything that a project is made from; see `write_projects`."""
    made = KINDS[kind]
    targets = [(compilation, app_board(board, app)) for compilation, board in targets]
    if len(targets) > 1 and not made.several:
        raise InputError(
            Problem(
                f"a project of kind {kind} is for one board",
                hint="platformio takes several; or make a project for each",
            )
        )
    made.check([board for _, board in targets])
    names = [board.name for _, board in targets]
    if len(set(names)) != len(names):
        raise InputError(Problem(f"a board is given twice: {', '.join(names)}"))
    parts = tuple(_target(c, b, options, bare=made.bare) for c, b in targets)
    compilation = targets[0][0]
    package = parts[0].package
    if own is not None:
        return Project(compilation.name, parts, OWN, own)
    if app == "demo":
        samples = samples or choose_samples(compilation.source)
        for part in parts:
            _require_room(samples, part)
        files = render_demo(package, samples, sketch=made.sketch)
        return Project(compilation.name, parts, app, files, (), samples)
    title = " or ".join(board.title for _, board in targets)
    files = render_app(package, app, board=title)
    return Project(compilation.name, parts, app, files, app_defines(package, app))


def _require_own_name(project: Project) -> None:
    """Raises InputError where NAME.h or the target NAME would not be the library's."""
    name = project.name
    files = ["board.h", *project.app_files, *project.target.hal]
    same = [file for file in files if PurePosixPath(file).stem == name]
    if same or name in _BUILD_TARGETS:
        raise InputError(
            Problem(
                f"{name!r} cannot be the library's name in a project",
                why=f"the project has {same[0]}" if same else "its build has a target of that name",
                hint=f"another one with --name, such as {name}_model",
            )
        )


def _target(
    compilation: Compilation, board: Board, options: Options | None, *, bare: bool
) -> Target:
    if not bare:
        board = _plain(board)
    library = render(compilation, board, options)
    package = library.compilation.package
    layout = package.layout
    sections = Sections(
        tuple(filter(None, (layout.arena,))),
        tuple(filter(None, (layout.weights,))),
        tuple(filter(None, (package.code_section,))),
    )
    hal = (
        hal_files(library.board, sections=sections, ram_code=package.kernels_in_ram) if bare else {}
    )
    return Target(library.board, package, library.files, hal)


def _require_room(samples: Samples, target: Target) -> None:
    """Raises FitError where the samples do not fit in flash beside the model."""
    code = target.board.placement.code
    uses = measure((target.package,), target.board).regions
    room = code.usable_size - sum(use.used for use in uses if use.region.name == code.name)
    if samples.bytes > room:
        raise FitError(
            Problem(
                f"{samples.count} samples of {samples.bytes:,} bytes together are too many for "
                f"{target.board.title}",
                why=f"beside the model {room:,} bytes of {code.name} are left",
                hint="fewer with --samples",
            )
        )


def _plain(board: Board) -> Board:
    """The board with all its parts where compilers put them: the linker script is another's."""
    place = board.placement
    plain = replace(place, arena=place.data, arenas=(place.data,), weights=place.code)
    return replace(board, placement=plain)

"""`edgegen build --shared-arena`: several models in one folder, one arena for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgegen.codegen.layout import Layout
from edgegen.codegen.package import Package
from edgegen.codegen.render import bundle_files
from edgegen.codegen.share import share_constants
from edgegen.codegen.writer import MARKER, write_folder
from edgegen.errors import InputError, Problem, of_file
from edgegen.passes.removed import removed
from edgegen.pipeline import Compilation, Options, compile_model, load_model, model_name
from edgegen.report.build_report import build_report, bundle_report, report_text
from edgegen.target.board import Board
from edgegen.target.fit import Fit, check_budgets, check_fit, estimate_code, measure
from edgegen.target.places import arena_section, name_sections, settle

DEFAULT_NAME = "models"


@dataclass(frozen=True)
class Bundle:
    """Several rendered libraries that share an arena.

    Attributes:
        name: prefix of what they share.
        compilations: the models, in the user's order.
        layout: the shared arena's section and owner.
        board: the board with the regions that were chosen.
        fit: of all of them together.
        report: the whole report.
        files: text by file name.
    """

    name: str
    compilations: tuple[Compilation, ...]
    layout: Layout
    board: Board
    fit: Fit
    report: Mapping[str, Any]
    files: Mapping[str, str] = field(repr=False)

    @property
    def packages(self) -> tuple[Package, ...]:
        """The models' packages."""
        return tuple(c.package for c in self.compilations)

    @property
    def arena_bytes(self) -> int:
        """Size of the shared arena: the largest that a model needs."""
        return max(c.plan.arena.size for c in self.compilations)


def compile_bundle(models: Sequence[Path], board: Board, options: Options) -> Bundle:
    """Compiles models for one image.

    Flash is given out in the user's order: a model's kernels are chosen within what the ones before
    have left.

    Args:
        models: the files; their names become the C prefixes.
        board: where they will run; `options.places` is already done.
        options: what the user asked for; `name` is the bundle's.

    Raises:
        EdgegenError: a model cannot be compiled, or two have the same name, or all together do not
            fit the board.
    """
    name = DEFAULT_NAME if options.name is None else model_name(models[0], options)
    names = _names(models, name)
    compilations = []
    rest = options.flash_budget
    for path, prefix in zip(models, names, strict=True):
        wish = replace(options, name=prefix, flash_budget=None if rest is None else max(rest, 1))
        with of_file(path.name):
            found = compile_model(load_model(path), prefix, options.core(board), wish)
        compilations.append(found)
        if rest is not None:
            rest -= found.package.bytes_of() + estimate_code(found.package)
    packages = share_constants([c.package for c in compilations])
    board = settle(board, packages)
    arena = options.layout.arena or arena_section(board, name)
    packages = tuple(
        replace(p, layout=replace(name_sections(p, board, options.layout), arena="", group=name))
        for p in packages
    )
    layout = Layout(arena=arena, owner=options.layout.owner)
    done = tuple(replace(c, package=p) for c, p in zip(compilations, packages, strict=True))
    fit = check_fit(packages, board)
    largest = max(package.plan.arena.size for package in packages)
    check_budgets(fit, largest, options.flash_budget, options.ram_budget)
    reports = [
        build_report(c.package, board, measure((c.package,), board), removed(c.source, c.optimised))
        for c in done
    ]
    report = bundle_report(name, packages, layout, board, fit, reports)
    files = {**bundle_files(name, packages, layout), MARKER: report_text(report)}
    return Bundle(name, done, layout, board, fit, report, files)


def build_bundle(
    models: Sequence[Path], board: Board, output: Path | None, options: Options
) -> tuple[Bundle, Path]:
    """From model files to one folder, which appears whole or not at all.

    Returns:
        The bundle and the folder it was written to.
    """
    bundle = compile_bundle(models, board, options)
    target = output if output is not None else Path(bundle.name)
    write_folder(target, bundle.files)
    return bundle, target


def _names(models: Sequence[Path], bundle: str) -> tuple[str, ...]:
    """The models' C prefixes.

    Raises:
        InputError: two models, or a model and the bundle, would have the same; all of them.
    """
    names = tuple(model_name(path, Options()) for path in models)
    counts = Counter((bundle, *names))
    problems = [
        Problem(
            f"{count} of the models and their bundle would be called {name!r} in C",
            hint="rename a model file, or choose the bundle's name with --name",
        )
        for name, count in counts.items()
        if count > 1
    ]
    if problems:
        raise InputError(problems)
    return names

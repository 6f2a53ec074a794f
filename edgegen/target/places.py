"""Where the parts of a library go: a user's wishes, and the first region that the arena fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgegen.codegen.layout import Layout
from edgegen.codegen.package import Package
from edgegen.errors import InputError, Problem
from edgegen.target.board import Board, Region
from edgegen.target.fit import measure
from edgegen.target.toml_table import suggest


@dataclass(frozen=True)
class Places:
    """Regions that a user names; None leaves the choice to the board file.

    Attributes:
        arena: for the arena.
        weights: for constants: flash, or RAM that start-up code fills.
        kernels: for code that runs from RAM.
    """

    arena: str | None = None
    weights: str | None = None
    kernels: str | None = None

    def on(self, board: Board) -> Board:
        """The board with its placement changed.

        Raises:
            InputError: the board has no such region, or it is of the wrong kind; all problems.
        """
        problems: list[Problem] = []

        def find(option: str, name: str | None, kinds: Sequence[str]) -> Region | None:
            if name is None:
                return None
            region = next((r for r in board.regions if r.name == name), None)
            if region is None:
                known = tuple(r.name for r in board.regions if r.kind in kinds)
                problems.append(
                    Problem(
                        f"{option}: {board.name} has no region {name!r}", hint=suggest(name, known)
                    )
                )
            elif region.kind not in kinds:
                problems.append(
                    Problem(f"{option}: region {name!r} of {board.name} is {region.kind}")
                )
            return region

        place = board.placement
        arena = find("--arena-in", self.arena, ("ram",))
        weights = find("--weights-in", self.weights, ("flash", "ram"))
        kernels = find("--kernels-in", self.kernels, ("ram",))
        if kernels is not None and not kernels.execute:
            problems.append(
                Problem(
                    f"--kernels-in: the core cannot fetch instructions from region "
                    f"{kernels.name!r} of {board.name}"
                )
            )
        if problems:
            raise InputError(problems)
        return replace(
            board,
            placement=replace(
                place,
                arena=arena or place.arena,
                arenas=(arena,) if arena else place.arenas,
                weights=weights or place.weights,
                ram_code=kernels or place.ram_code,
            ),
        )


def settle(board: Board, packages: Sequence[Package]) -> Board:
    """The board with the arena in the first of its choices that holds all that is to be there.

    Where none does, it is the largest, so that the fit check says by how little it is short.
    """
    choices = [
        replace(board, placement=replace(board.placement, arena=region, arenas=(region,)))
        for region in board.placement.arena_choices
    ]
    for choice in choices:
        if not measure(packages, choice).arena_region.short:
            return choice
    return max(choices, key=lambda b: b.placement.arena.usable_size)


def name_sections(package: Package, board: Board, wished: Layout) -> Layout:
    """Linker sections for what does not go where compilers and linker scripts put it by default.

    Args:
        package: the model.
        board: with the regions already chosen.
        wished: sections that the user named win.
    """
    place, name = board.placement, package.name
    if place.weights == place.code:
        weights = ""
    elif place.weights == place.data:  # Every project's start-up code copies it.
        weights = f".data.{name}.weights"
    else:
        weights = f"{place.weights.section}.{name}.weights"
    return replace(
        wished,
        arena=wished.arena or arena_section(board, name),
        weights=wished.weights or weights,
    )


def arena_section(board: Board, name: str) -> str:
    """The default linker section of the arena of `name`; empty for that of other variables."""
    place = board.placement
    return "" if place.arena == place.data else f"{place.arena.section}.{name}.arena"

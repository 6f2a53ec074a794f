"""Whether packages fit a board: checked before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgegen.codegen.package import Package
from edgegen.errors import FitError, Problem
from edgegen.ir.names import short_name
from edgegen.target.board import Board, Region

GLUE_CODE_BYTES = 1024
"""Flash allowed for start-up code and the layers' call code, an estimate."""
CALL_CODE_BYTES = 120
"""Flash of one layer's function with its parameters, an estimate."""


@dataclass(frozen=True)
class RegionUse:
    """What goes to one memory region.

    Attributes:
        region: the region.
        parts: what and how many bytes, in the order of the report.
    """

    region: Region
    parts: tuple[tuple[str, int], ...]

    @property
    def used(self) -> int:
        """Bytes of all parts."""
        return sum(size for _, size in self.parts)

    @property
    def short(self) -> int:
        """Bytes that are missing; 0 where all fits."""
        return max(0, self.used - self.region.usable_size)

    def bytes_of(self, part: str) -> int:
        """Bytes of one part."""
        return sum(size for name, size in self.parts if name == part)


@dataclass(frozen=True)
class Fit:
    """Predicted use of a board's memory, bytes; code is an estimate until it is compiled.

    Attributes:
        regions: every region that something goes to.
        arena: name of the arena's region.
        ram_kernels: code that start-up code copies to RAM.
        ram_constants: constants that start-up code copies to RAM.
        constants: all constants.
        code_estimate: all code.
        peak_step: the layer that sets the arena's size.
        peak_buffers: what is alive in it.
    """

    regions: tuple[RegionUse, ...]
    arena: str
    ram_kernels: int
    ram_constants: int
    constants: int
    code_estimate: int
    peak_step: int
    peak_buffers: tuple[tuple[str, int], ...]

    @property
    def arena_region(self) -> RegionUse:
        """The use of the arena's region."""
        return next(use for use in self.regions if use.region.name == self.arena)

    @property
    def ram_used(self) -> int:
        """Bytes in the arena's region: arena, and stack, kernels and constants that share it."""
        return self.arena_region.used

    @property
    def ram_available(self) -> int:
        """Usable bytes of the arena's region."""
        return self.arena_region.region.usable_size

    @property
    def stack_reserved(self) -> int:
        """Bytes kept for the stack in the arena's region."""
        return self.arena_region.bytes_of("stack")

    @property
    def flash_used(self) -> int:
        """Bytes of constants and code."""
        return self.constants + self.code_estimate

    @property
    def flash_available(self) -> int:
        """Usable bytes of the flash regions that hold them."""
        return sum(use.region.usable_size for use in self.regions if use.region.kind == "flash")


def estimate_code(package: Package) -> int:
    """Predicted bytes of code: every distinct function once, a little for every layer."""
    functions: dict[str, int] = {}
    for layer in package.layers:
        functions.update(layer.call.kernel.code(layer.call.op, layer.call.io))
    return sum(functions.values()) + CALL_CODE_BYTES * len(package.layers)


def measure(packages: Sequence[Package], board: Board) -> Fit:
    """What goes where, whether it fits or not.

    Args:
        packages: models that are in one image and share an arena.
        board: with the regions already chosen.
    """
    place = board.placement
    largest = max(packages, key=lambda p: p.plan.arena.size).plan
    constants = sum(package.bytes_of() for package in packages)
    kernels = sum(estimate_code(package) for package in packages)
    moved = sum(estimate_code(p) for p in packages if p.kernels_in_ram)
    copied = constants if place.weights.kind == "ram" else 0
    needs = (
        (place.arena, "arena", largest.arena.size),
        (place.stack, "stack", place.stack_bytes),
        (place.ram_code, "kernels", moved),
        (place.weights, "constants", constants),
        (place.code, "code", kernels + GLUE_CODE_BYTES),
        (place.code, "constants to copy", copied),
    )
    uses = []
    for region in dict.fromkeys((*board.regions, *(where for where, _, _ in needs))):
        parts = tuple((what, size) for where, what, size in needs if where == region and size)
        if parts or region == place.arena:
            uses.append(RegionUse(region, parts))
    peak = largest.peak_layer
    return Fit(
        tuple(uses),
        place.arena.name,
        moved,
        copied,
        constants,
        kernels + GLUE_CODE_BYTES,
        peak,
        tuple((b.name, b.size) for b in largest.alive(largest.arena.peak_step)),
    )


def check_fit(packages: Package | Sequence[Package], board: Board) -> Fit:
    """Compares what models need with what the board has.

    Args:
        packages: one model, or several that share an arena.
        board: where they go.

    Raises:
        FitError: by how much which memory is short, and what is alive at the peak.
    """
    packages = (packages,) if isinstance(packages, Package) else tuple(packages)
    fit = measure(packages, board)
    problems = [_problem(use, fit, packages, board) for use in fit.regions if use.short]
    if problems:
        raise FitError(problems)
    return fit


def _problem(use: RegionUse, fit: Fit, packages: Sequence[Package], board: Board) -> Problem:
    """Why a region is too small."""
    region = use.region
    parts = " + ".join(
        f"{what}{' about' if what in ('code', 'kernels') else ''} {size:,}"
        for what, size in use.parts
    )
    kind = "RAM region" if region.kind == "ram" else "flash"
    what = f"{kind} {region.name!r} of {board.name} is short of {use.short:,} bytes: {parts} of "
    what += f"{region.usable_size:,}"
    if region.kind == "flash":
        return Problem(what, hint="choose a board with more flash, or a smaller model")
    if not use.bytes_of("arena"):
        hints = [
            hint
            for part, hint in (
                ("kernels", "leave the kernels in flash"),
                ("constants", "leave the weights in flash"),
            )
            if use.bytes_of(part)
        ]
        return Problem(what, hint=" or ".join(hints))
    alive = ", ".join(f"{short_name(name)} {size:,}" for name, size in fit.peak_buffers)
    plan = max(packages, key=lambda p: p.plan.arena.size).plan
    step = ""
    if plan.program.calls:
        op = plan.program.calls[fit.peak_step].op
        step = f" (layer {fit.peak_step}, {op.origin})"
    return Problem(
        what,
        why=f"alive at the peak{step}: {alive}",
        hint="choose a board with more RAM (`edgegen boards`), or a smaller model",
    )


def check_budgets(
    fit: Fit, arena_bytes: int, flash_budget: int | None, ram_budget: int | None
) -> None:
    """Compares a build with what the user allowed; selection has already tried its best.

    Raises:
        FitError: naming the smallest arena or flash use that was found.
    """
    problems = []
    if ram_budget is not None and arena_bytes > ram_budget:
        problems.append(
            Problem(
                f"the smallest arena found is {arena_bytes:,} bytes, over the budget of "
                f"{ram_budget:,}",
                hint="`edgegen explore` shows which sizes there are",
            )
        )
    flash = fit.constants + fit.code_estimate
    if flash_budget is not None and flash > flash_budget:
        problems.append(
            Problem(
                f"the least flash found is {flash:,} bytes, over the budget of {flash_budget:,}",
                why=f"{fit.constants:,} bytes of constants, about {fit.code_estimate:,} of code",
                hint="--optimize size prefers small code",
            )
        )
    if problems:
        raise FitError(problems)

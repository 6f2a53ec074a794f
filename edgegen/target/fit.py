"""Whether a package fits a board: checked before anything is written."""

from __future__ import annotations

from dataclasses import dataclass

from edgegen.codegen.package import Package
from edgegen.errors import FitError, Problem
from edgegen.ir.names import short_name
from edgegen.plan.plan import Plan
from edgegen.target.board import Board, Region

GLUE_CODE_BYTES = 1024
"""Flash allowed for start-up code and the layers' call code, an estimate."""
CALL_CODE_BYTES = 120
"""Flash of one layer's function with its parameters, an estimate."""


@dataclass(frozen=True)
class Fit:
    """Predicted use of a board's memory, bytes; code is an estimate until it is compiled.

    Attributes:
        ram_used: in the arena's region: arena, and stack and kernels where they share it.
        ram_kernels: code that start-up code copies to RAM.
    """

    ram_used: int
    ram_available: int
    stack_reserved: int
    ram_kernels: int
    flash_used: int
    flash_available: int
    constants: int
    code_estimate: int
    peak_step: int
    peak_buffers: tuple[tuple[str, int], ...]


def estimate_code(package: Package) -> int:
    """Predicted bytes of code: every distinct function once, a little for every layer."""
    functions: dict[str, int] = {}
    for layer in package.layers:
        functions.update(layer.call.kernel.code(layer.call.op, layer.call.io))
    return sum(functions.values()) + CALL_CODE_BYTES * len(package.layers) + GLUE_CODE_BYTES


def check_fit(package: Package, board: Board) -> Fit:
    """Compares what the model needs with what the board has.

    Raises:
        FitError: by how much RAM or flash is short, and what is alive at the peak.
    """
    place, arena = board.placement, package.plan.arena
    stack = place.stack_bytes if place.stack == place.arena else 0
    constants, code = package.bytes_of(), estimate_code(package)
    kernels = code - GLUE_CODE_BYTES if package.kernels_in_ram else 0
    beside = kernels if place.ram_code == place.arena else 0
    needs = _flash_needs(board, constants, code)
    fit = Fit(
        ram_used=arena.size + stack + beside,
        ram_available=place.arena.usable_size,
        stack_reserved=stack,
        ram_kernels=kernels,
        flash_used=constants + code,
        flash_available=sum(r.usable_size for r, _ in needs),
        constants=constants,
        code_estimate=code,
        peak_step=arena.peak_step,
        peak_buffers=tuple((b.name, b.size) for b in package.plan.alive(arena.peak_step)),
    )
    problems = _ram_problems(package.plan, fit, board, beside)
    if kernels - beside > place.ram_code.usable_size:
        problems.append(
            Problem(
                f"RAM region {place.ram_code.name!r} of {board.name} has "
                f"{place.ram_code.usable_size:,} bytes for code of about {kernels:,}",
                hint="leave the kernels in flash",
            )
        )
    problems += [
        Problem(
            f"flash {region.name!r} is short of {used - region.usable_size:,} bytes: constants and "
            f"code need about {used:,} of {region.usable_size:,}",
            hint="choose a board with more flash, or a smaller model",
        )
        for region, used in needs
        if used > region.usable_size
    ]
    if problems:
        raise FitError(problems)
    return fit


def _flash_needs(board: Board, constants: int, code: int) -> tuple[tuple[Region, int], ...]:
    """Each region that holds constants or code, with the bytes it must take."""
    place = board.placement
    if place.weights == place.code:
        return ((place.code, constants + code),)
    return ((place.weights, constants), (place.code, code))


def _ram_problems(plan: Plan, fit: Fit, board: Board, kernels: int) -> list[Problem]:
    short = fit.ram_used - fit.ram_available
    if short <= 0:
        return []
    alive = ", ".join(f"{short_name(name)} {size:,}" for name, size in fit.peak_buffers)
    step = ""
    if plan.program.calls:
        op = plan.program.calls[fit.peak_step].op
        step = f" (layer {fit.peak_step}, {op.origin})"
    code = f" + kernels about {kernels:,}" if kernels else ""
    return [
        Problem(
            f"RAM region {board.placement.arena.name!r} of {board.name} is short of {short:,} "
            f"bytes: arena {plan.arena.size:,} + stack {fit.stack_reserved:,}{code} of "
            f"{fit.ram_available:,}",
            why=f"alive at the peak{step}: {alive}",
            hint="choose a board with more RAM (`edgegen boards`), or a smaller model",
        )
    ]

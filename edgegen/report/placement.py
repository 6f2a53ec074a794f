"""Where everything goes: the part of `report.json` and the table of `edgegen build`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgegen.codegen.layout import Layout
from edgegen.codegen.package import Package
from edgegen.plan.plan import ALIGNMENT
from edgegen.target.board import Board, Region
from edgegen.target.fit import Fit


def placement_report(package: Package, board: Board) -> dict[str, Any]:
    """Region and linker section of each part, and who fills or owns it."""
    place, layout = board.placement, package.layout
    return {
        "arena": {
            "region": place.arena.name,
            "section": layout.arena or None,
            "owner": layout.owner,
            "shared_as": layout.group or None,
            "alignment": ALIGNMENT,
            "keeps_input": bool(package.plan.program.graph.kept),
        },
        "weights": {
            "region": place.weights.name,
            "section": layout.weights or None,
            "copied_at_start": place.weights.kind == "ram",
        },
        "code": {
            "region": (place.ram_code if package.kernels_in_ram else place.code).name,
            "section": package.code_section or None,
            "copied_at_start": package.kernels_in_ram,
        },
    }


def regions_report(fit: Fit) -> list[dict[str, Any]]:
    """Use of every memory region."""
    return [
        {
            "name": use.region.name,
            "kind": use.region.kind,
            "used": use.used,
            "available": use.region.usable_size,
            "parts": [{"part": part, "bytes": size} for part, size in use.parts],
        }
        for use in fit.regions
    ]


def duties(package: Package, board: Board) -> Iterator[str]:
    """What is left to the user's linker script and start-up code, in sentences."""
    place, layout = board.placement, package.layout
    if package.kernels_in_ram:
        yield (
            f"kernels run from RAM region {place.ram_code.name!r}: start-up code must copy section "
            f"{package.code_section}"
        )
    elif package.code_section:
        yield f"kernels are in section {package.code_section}"
    if layout.weights:
        how = ": start-up code must copy it there" if place.weights.kind == "ram" else ""
        yield (
            f"constants are in section {layout.weights}, for region {place.weights.name!r}{how}"
            f"{_external(place.weights)}"
        )


def arena_duties(name: str, layout: Layout, board: Board) -> Iterator[str]:
    """The same about the arena of the model, or the group of models, with this C prefix."""
    region = board.placement.arena
    if layout.arena:
        yield f"the arena is for region {region.name!r}, section {layout.arena}" + (
            ""
            if layout.owner == "static"
            else f": write {name.upper()}_ARENA_SECTION before its definition"
        )
    if not region.dma:
        yield (
            f"DMA does not reach region {region.name!r}: let the core write the inputs, or "
            "choose another region with --arena-in"
        )


def _external(region: Region) -> str:
    return "; that flash must be mapped before the first run" if region.external else ""

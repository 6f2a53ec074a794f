"""`report.json`: the documented, versioned account of one build. Schema: docs/report.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from edgegen import __version__
from edgegen.codegen.layout import Layout
from edgegen.codegen.package import Package
from edgegen.codegen.views import Port, ports
from edgegen.kernels.base import ConstantKind
from edgegen.passes.removed import Removed
from edgegen.plan.plan import ALIGNMENT, proof_text
from edgegen.report.memory_map import map_report, memory_map
from edgegen.report.placement import placement_report, regions_report
from edgegen.target.board import Board
from edgegen.target.fit import Fit

SCHEMA_VERSION = 1


def build_report(
    package: Package, board: Board, fit: Fit, removed: Sequence[Removed] = ()
) -> dict[str, Any]:
    """The report as plain data; sizes in bytes, offsets in the arena."""
    plan, graph = package.plan, package.plan.program.graph
    arena = plan.arena
    return {
        "schema": SCHEMA_VERSION,
        "edgegen": __version__,
        "name": package.name,
        "optimize": plan.program.optimize,
        "macs": graph.macs,
        "arena": {
            "bytes": arena.size,
            "lower_bound": arena.lower_bound,
            "proved_optimal": arena.proved,
            "proof": proof_text(arena),
            "peak_step": arena.peak_step,
            "peak_buffers": [{"name": n, "bytes": b} for n, b in fit.peak_buffers],
            **map_report(memory_map(plan, package.name)),
        },
        "constants": {
            "bytes": package.bytes_of(),
            **{kind.value: package.bytes_of(kind) for kind in ConstantKind},
        },
        "inputs": [_port(p) for p in ports(package, graph.inputs, "input")],
        "outputs": [_port(p) for p in ports(package, graph.outputs, "output")],
        "layers": _layers(package),
        "removed": [
            {
                "op": r.origin.type,
                "op_index": r.origin.index,
                "output": r.output,
                "channels": [r.before.channels, r.after.channels],
                "macs": [r.before.macs, r.after.macs],
                "constant_bytes": [r.before.constant_bytes, r.after.constant_bytes],
            }
            for r in removed
        ],
        "placement": placement_report(package, board),
        "board": _board(board, fit),
    }


def bundle_report(
    name: str,
    packages: Sequence[Package],
    layout: Layout,
    board: Board,
    fit: Fit,
    reports: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """The report of several models that share an arena.

    Args:
        name: prefix of what they share.
        packages: the models.
        layout: the shared arena's section and owner.
        board: where they go.
        fit: of all of them together.
        reports: each model's own.
    """
    return {
        "schema": SCHEMA_VERSION,
        "edgegen": __version__,
        "name": name,
        "shared_arena": {
            "bytes": max(package.plan.arena.size for package in packages),
            "type": f"{name}_arena_t",
            "region": board.placement.arena.name,
            "section": layout.arena or None,
            "owner": layout.owner,
            "alignment": ALIGNMENT,
        },
        "constants": {
            "bytes": fit.constants,
            "shared_bytes": sum(s.data.nbytes for p in packages for s in p.foreign),
        },
        "board": _board(board, fit),
        "models": list(reports),
    }


def _board(board: Board, fit: Fit) -> dict[str, Any]:
    return {
        "name": board.name,
        "core": board.core.name,
        "clock_hz": board.clock_hz,
        "ram": {
            "region": board.placement.arena.name,
            "used": fit.ram_used,
            "available": fit.ram_available,
            "stack_reserved": fit.stack_reserved,
            "kernels_region": board.placement.ram_code.name if fit.ram_kernels else None,
            "kernels_estimate": fit.ram_kernels,
        },
        "flash": {
            "used_estimate": fit.flash_used,
            "available": fit.flash_available,
            "code_estimate": fit.code_estimate,
        },
        "regions": regions_report(fit),
    }


def report_text(report: dict[str, Any]) -> str:
    """The report as JSON text; equal reports give equal bytes."""
    return json.dumps(report, indent=2, ensure_ascii=True) + "\n"


def _port(port: Port) -> dict[str, Any]:
    return {
        "tensor": port.tensor.name,
        "accessor": port.accessor,
        "macro": port.macro,
        "dtype": port.type.dtype.value,
        "shape": list(port.type.shape),
        "layout": port.layout or None,
        "bytes": port.type.bytes,
        "scale": None if port.type.quant is None else port.type.scale,
        "zero_point": None if port.type.quant is None else port.type.zero_point,
        "offset": port.offset,
    }


def _layers(package: Package) -> list[dict[str, Any]]:
    plan = package.plan
    rows = []
    for layer in package.layers:
        call, io = layer.call, layer.call.io
        rows.append(
            {
                "index": layer.index,
                "function": layer.function_name(package.name),
                "op": call.op.origin.type,
                "op_index": call.op.origin.index,
                "output": io.output.name,
                "output_shape": list(io.output.type.shape),
                "kernel": call.kernel.path,
                "macs": call.op.macs(io),
                "input_offsets": [None if n is None else plan.offset(n) for n in call.inputs],
                "output_offset": plan.offset(call.output),
                "scratch_bytes": call.scratch_bytes,
                "staged_bytes": call.staged_bytes,
                "constant_bytes": sum(c.data.nbytes for c in layer.packed.constants),
                "predicted_cycles": call.cost.cycles,
            }
        )
    return rows

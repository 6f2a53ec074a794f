"""`edgegen run --report`: what was measured, as plain data. Schema: docs/report.md."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edgegen import __version__

if TYPE_CHECKING:
    from edgegen.emulate.model_run import ModelRun
    from edgegen.target.board import Board

SCHEMA_VERSION = 1


def run_report(name: str, run: ModelRun, board: Board, gcc_option: str) -> str:
    """The JSON text of one run; equal runs give equal bytes.

    Args:
        name: the model's C prefix.
        run: what was measured.
        board: where.
        gcc_option: GCC's optimisation option.
    """
    report: dict[str, Any] = {
        "schema": SCHEMA_VERSION,
        "edgegen": __version__,
        "name": name,
        "board": board.name,
        "core": board.core.name,
        "compiler_option": gcc_option,
        "inferences": run.inferences,
        "compared_bytes": run.compared,
        "instructions": run.instructions,
        "cycles": run.cycles,
        "cycles_on_board": run.on_board,
        "arena_bytes": run.arena_bytes,
        "stack": {
            "worst_case": run.stack.bytes,
            "measured": run.stack_bytes,
            "chain": [{"function": f, "bytes": b} for f, b in run.stack.chain],
            "why_not": run.stack.why or None,
        },
        "flash": asdict(run.flash),
        "layers": [asdict(row) for row in run.layers],
    }
    return json.dumps(report, indent=2, ensure_ascii=True) + "\n"

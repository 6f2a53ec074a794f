"""Operators that round once: every kernel's machine code equals the numpy reference.

The reference is proved right in tests/unit/test_single_rounding.py, and by onnxruntime's outputs of
whole networks in tests/onnx.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgegen.ir import Graph
from edgegen.target.board import load_board
from edgegen.verify.reference import evaluate
from tests.emulator.test_cases import BOARDS
from tests.support.batch import case_graph, differences, run_emulated, variants
from tests.support.cases import Case, load_cases
from tests.support.data import Array

STEMS = ("conv2d", "depthwise_conv2d", "fully_connected", "mean", "mul")


def rounding_once(case: Case) -> Graph:
    graph = case_graph(case)
    tensors = []
    for tensor in graph.tensors.values():
        quant = tensor.type.quant
        once = None if quant is None else replace(quant, rounds_once=True)
        tensors.append(replace(tensor, type=replace(tensor.type, quant=once)))
    return replace(graph, tensors={t.name: t for t in tensors})


def reference(case: Case) -> list[list[Array]]:
    graph = rounding_once(case)
    runs = [evaluate(graph, dict(zip(graph.inputs, v, strict=True))) for v in case.inputs()]
    return [[run[name] for name in graph.outputs] for run in runs]


def shows_it(case: Case) -> bool:
    """Whether the case's int8 outputs depend on the definition."""
    return any(
        once.dtype == np.int8 and not np.array_equal(once, twice)
        for vector, recorded in zip(reference(case), case.expected(), strict=True)
        for once, twice in zip(vector, recorded, strict=True)
    )


@pytest.mark.parametrize("core", ["m0+", "m4"])
@pytest.mark.parametrize("stem", STEMS)
def test_machine_code_equals_the_reference(stem: str, core: str, tmp_path: Path) -> None:
    cases = [c for c in load_cases(stem) if not c.error and shows_it(c)]
    group = variants(stem, core, cases=cases, graph_of=rounding_once, limit=2)
    assert group
    outputs = run_emulated(group, load_board(BOARDS[core]), tmp_path)
    assert differences(group, outputs, [reference(v.case) for v in group]) == []

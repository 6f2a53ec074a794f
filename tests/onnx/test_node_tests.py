"""ONNX's own node tests as float C: two of each operator; scripts/onnx_node_tests.py runs all."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from edgegen.errors import EdgegenError
from edgegen.frontends.onnx.functions import claimed_operators
from tests.support.node_runs import run_models
from tests.support.node_tests import NodeTest, Prepared, mismatch, node_tests, prepare

EACH = 2
"""Tests of every operator that are run."""


def operator(test: NodeTest) -> str:
    """The operator that a test is about; expanded tests are of many."""
    names = {n.op_type for n in test.model.graph.node}
    return names.pop() if len(names) == 1 else "expanded"


def chosen() -> list[Prepared]:
    """The first tests of every operator whose models compile."""
    counts: Counter[str] = Counter()
    found: list[Prepared] = []
    for test in node_tests():
        kind = operator(test)
        if counts[kind] >= EACH or kind not in {*claimed_operators(), "expanded"}:
            continue
        try:
            found.append(prepare(test, f"n{len(found):04d}"))
        except EdgegenError:
            continue
        counts[kind] += 1
    return found


def test_operators_give_the_values_of_onnx(tmp_path: Path) -> None:
    group = chosen()
    assert len(group) >= 220
    outputs = run_models(group, tmp_path)
    wrong = {p.test.name: mismatch(p, o) for p, o in zip(group, outputs, strict=True)}
    assert {k: v for k, v in wrong.items() if v} == {}


def test_a_wrong_value_counts_as_wrong() -> None:
    test = next(t for t in node_tests() if t.name == "test_add")
    prepared = prepare(test, "add")
    (right,) = prepared.expected()
    assert mismatch(prepared, (right,)) == ""
    assert "Mismatched" in mismatch(prepared, (right + 0.01,))
    assert "instead of" in mismatch(prepared, (right[:1],))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("test_nonzero_example", "depends on values"),
        ("test_cast_FLOAT16_to_FLOAT", "float16 is not supported"),
        ("test_lstm_defaults", "LSTM is not supported"),
    ],
)
def test_refusals_say_why(name: str, why: str) -> None:
    test = next(t for t in node_tests() if t.name == name)
    with pytest.raises(EdgegenError) as caught:
        prepare(test, "refused")
    assert why in str(caught.value)

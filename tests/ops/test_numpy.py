"""Every operator case through the front end and the numpy reference, against the oracle's bytes."""

from __future__ import annotations

import numpy as np
import pytest

from edgegen.errors import EdgegenError
from edgegen.frontends import tflite
from edgegen.frontends.build import build
from edgegen.ir import Graph
from edgegen.verify.reference import evaluate
from tests.support.cases import Case, load_cases

CASES = load_cases()


def graph_of(case: Case) -> Graph:
    return build(tflite.read(case.model_bytes()), "case")


@pytest.mark.parametrize("case", [c for c in CASES if not c.error], ids=lambda c: c.id)
def test_reference_equals_the_oracle(case: Case) -> None:
    assert not case.refused, "the oracle refuses it: the case needs `error`, as edgegen must too"
    graph = graph_of(case)
    shapes = tuple(graph.tensor(n).type.shape for n in graph.outputs)
    assert shapes == case.recording.shapes
    for number, (vector, expected) in enumerate(zip(case.inputs(), case.expected(), strict=True)):
        values = evaluate(graph, dict(zip(graph.inputs, vector, strict=True)))
        for name, wanted in zip(graph.outputs, expected, strict=True):
            where = f"{case.id} vector {number}"
            if wanted.dtype == np.float32:
                limit = 1e-5 * np.abs(wanted).max(initial=0.0)
                assert np.abs(values[name].astype(np.float64) - wanted).max() <= limit, where
            else:
                np.testing.assert_array_equal(values[name], wanted, where)
    for op in graph.ops:
        assert op.macs(graph.io(op)) >= 0


@pytest.mark.parametrize("case", [c for c in CASES if c.error], ids=lambda c: c.id)
def test_refusals_say_why(case: Case) -> None:
    with pytest.raises(EdgegenError) as caught:
        graph_of(case)
    assert case.error in str(caught.value)

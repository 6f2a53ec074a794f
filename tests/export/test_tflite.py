"""Graphs written as .tflite files: what is read back is what was written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgegen.errors import EdgegenError, UnsupportedError
from edgegen.export.flatbuffer import BUFFER_ALIGNMENT
from edgegen.export.tflite import write
from edgegen.frontends import tflite
from edgegen.frontends.build import build
from edgegen.ir import Graph
from edgegen.ops.reformat import Reformat
from tests.support.cases import Case, load_cases
from tests.support.models import DEMO_MODEL


def read(blob: bytes) -> Graph:
    return build(tflite.read(blob), "model")


def accepted(case: Case) -> bool:
    if case.error or case.refused:
        return False
    try:
        read(case.model_bytes())
    except EdgegenError:
        return False
    return True


def assert_same(left: Graph, right: Graph) -> None:
    assert (left.inputs, left.outputs) == (right.inputs, right.outputs)
    for a, b in zip(left.ops, right.ops, strict=True):
        # The version may be the operator's current one instead of the file's.
        assert replace(a, origin=b.origin) == b
        for s, t in zip(left.io(a).inputs, right.io(b).inputs, strict=True):
            assert s == t
            if s is not None and t is not None and s.data is not None:
                assert t.data is not None
                np.testing.assert_array_equal(s.data, t.data)
        assert left.io(a).outputs == right.io(b).outputs


@pytest.mark.parametrize("case", [c for c in load_cases() if accepted(c)], ids=lambda c: c.id)
def test_every_operator_survives_writing(case: Case) -> None:
    graph = read(case.model_bytes())
    blob = write(graph)
    assert_same(graph, read(blob))
    assert blob == write(graph)


def test_a_whole_model_survives_writing() -> None:
    graph = read(DEMO_MODEL.read_bytes())
    assert_same(graph, read(write(graph)))


def test_constants_are_aligned_in_the_file() -> None:
    graph = read(DEMO_MODEL.read_bytes())
    blob = write(graph)
    large = [
        t.data.tobytes() for t in graph.tensors.values() if t.data is not None and t.data.size > 64
    ]
    assert large
    for content in large:
        assert blob.index(content) % BUFFER_ALIGNMENT == 0


def test_what_tflite_does_not_have_is_refused() -> None:
    graph = read(DEMO_MODEL.read_bytes())
    first = graph.ops[0]
    odd = Reformat(first.inputs[:1], first.outputs, first.origin)
    with pytest.raises(UnsupportedError, match="reformat cannot be written"):
        write(replace(graph, ops=(odd, *graph.ops[1:])))

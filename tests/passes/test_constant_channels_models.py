"""The pass on the reference models."""

from __future__ import annotations

import functools
import time

import numpy as np
import pytest

from edgegen.ir import DType, Graph
from edgegen.passes.constant_channels import remove_constant_channels
from edgegen.passes.removed import removed
from edgegen.pipeline import load_model, read_graph
from edgegen.verify.reference import evaluate
from tests.support.models import model_inputs, shared_folder

VWW = "vww_96_int8"


@functools.cache
def model(name: str) -> Graph:
    path = shared_folder() / "models" / f"{name}.tflite"
    if not path.exists():
        pytest.skip(f"{path.name} is missing from {path.parent} (EDGEGEN_SHARED names its parent)")
    return read_graph(load_model(path), "model")


def weight_bytes(graph: Graph) -> int:
    weights = [t for t in graph.tensors.values() if t.data is not None]
    return sum(t.type.bytes for t in weights if t.type.dtype is DType.INT8)


def test_half_of_vww_is_removed() -> None:
    source = model(VWW)
    start = time.process_time()
    result = remove_constant_channels(source)
    assert time.process_time() - start < 1.0
    assert (source.macs, weight_bytes(source)) == (7_489_664, 208_112)
    assert (result.macs, weight_bytes(result)) == (3_727_313, 29_066)
    report = removed(source, result)
    assert sum(r.before.macs - r.after.macs for r in report) == source.macs - result.macs
    assert report[0].origin.index == 10


def test_vww_gives_the_same_bytes() -> None:
    source = model(VWW)
    result = remove_constant_channels(source)
    (name,) = source.inputs
    *randoms, low, high, ramp = model_inputs(VWW, source.tensor(name).type.shape)
    for image in (*randoms[:3], low, high, ramp):
        wanted, got = evaluate(source, {name: image}), evaluate(result, {name: image})
        for tensor in source.outputs:
            np.testing.assert_array_equal(got[tensor], wanted[tensor])


@pytest.mark.parametrize("name", ["ad01_int8", "kws_ref_model_int8", "resnet8_int8"])
def test_other_models_have_nothing_to_remove(name: str) -> None:
    source = model(name)
    assert remove_constant_channels(source) is source

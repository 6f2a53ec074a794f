"""General operators: index tables, loops, and what C leaves undefined, in reference and host C."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from edgegen.errors import EdgegenError
from edgegen.frontends.onnx.general.index_tables import OUTSIDE, factored
from edgegen.kernels.nest import nest
from edgegen.pipeline import Options, compile_model
from edgegen.target.cores import CORES
from edgegen.verify.host import SANITIZERS, host_program
from edgegen.verify.reference import evaluate

FLOAT = Options(dtype="float32")


def results(
    nodes: Sequence[Any], feeds: Mapping[str, np.ndarray], constants: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """What reference and host C make of a small model with the output `y`."""
    inputs = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for n, a in feeds.items()
    ]
    initialisers = [numpy_helper.from_array(a, n) for n, a in constants.items()]
    graph = helper.make_graph(nodes, "g", inputs, [onnx.ValueInfoProto(name="y")], initialisers)
    inferred = onnx.shape_inference.infer_shapes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    )
    compilation = compile_model(inferred.SerializeToString(), "m", CORES["m4"], FLOAT)
    with host_program(compilation.package, flags=("-O1", *SANITIZERS)) as program:
        (actual,) = program.run([feeds])
    return evaluate(compilation.source, feeds)["y"], actual["y"]


def node(kind: str, inputs: str, output: str = "y", **attributes: Any) -> Any:
    return helper.make_node(kind, inputs.split(), [output], **attributes)


shapes = st.lists(st.integers(1, 4), min_size=1, max_size=4)


@st.composite
def indices(draw: st.DrawFn) -> np.ndarray:
    """Where elements come from after some transposing, slicing, repeating and padding."""
    shape = draw(shapes)
    index = np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape)
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["order", "slice", "repeat", "pad"]))
        axis = draw(st.integers(0, index.ndim - 1))
        if kind == "order":
            index = index.transpose(draw(st.permutations(range(index.ndim))))
        elif kind == "slice":
            step = draw(st.sampled_from([-2, -1, 1, 2]))
            index = index[(*(slice(None),) * axis, slice(None, None, step))]
        elif kind == "repeat":
            index = index.repeat(draw(st.integers(1, 2)), axis)
        else:
            border = [(0, 0)] * index.ndim
            border[axis] = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
            index = np.pad(index, border, constant_values=OUTSIDE)
    if draw(st.booleans()):
        # Places that are no sums over the axes.
        index = np.random.default_rng(draw(st.integers(0, 9))).permuted(index)
    return index


@given(indices())
def test_tables_lead_to_the_same_places(index: np.ndarray) -> None:
    tables = factored(index)
    found = [
        OUTSIDE if min(parts) < 0 else tables.start + sum(parts)
        for parts in itertools.product(*(t.tolist() for t in tables.offsets))
    ]
    assert found == index.ravel().tolist()


def test_evenly_moved_axes_have_a_table_each() -> None:
    index = np.arange(24, dtype=np.int64).reshape(2, 3, 4).transpose(2, 0, 1)[::-1]
    assert [len(t) for t in factored(index).offsets] == [4, 2, 3]


@given(st.data())
def test_merged_loops_visit_the_same_elements(data: st.DataObject) -> None:
    sizes = data.draw(shapes)
    many = st.lists(st.integers(-4, 12), min_size=len(sizes), max_size=len(sizes))
    steps = data.draw(st.lists(many, min_size=1, max_size=3))

    def visited(sizes: Sequence[int], steps: Sequence[Sequence[int]]) -> list[list[int]]:
        return [
            [sum(i * s for i, s in zip(place, own, strict=True)) for own in steps]
            for place in itertools.product(*map(range, sizes))
        ]

    merged = nest(sizes, *steps)
    assert visited(merged.sizes, merged.steps) == visited(sizes, steps)
    assert merged.depth <= max(len(sizes), 1)


def test_indices_out_of_range_read_the_nearest_element() -> None:
    x = np.arange(5, dtype=np.float32)
    i = np.array([-6, -5, -1, 0, 4, 5, 2**40], np.int64)
    expected = np.array([0, 0, 4, 0, 4, 4, 4], np.float32)
    for got in results([node("Gather", "x i")], {"x": x, "i": i}, {}):
        np.testing.assert_array_equal(got, expected)


def test_indices_out_of_range_write_the_nearest_element() -> None:
    feeds: dict[str, np.ndarray] = {
        "x": np.zeros(4, np.float32),
        "i": np.array([-9, 2, 9], np.int64),
        "u": np.array([1, 2, 3], np.float32),
    }
    for got in results([node("ScatterElements", "x i u")], feeds, {}):
        np.testing.assert_array_equal(got, np.array([1, 0, 2, 3], np.float32))


@pytest.mark.parametrize("kind", ["int8", "uint8", "int32", "int64", "uint64"])
def test_casts_saturate(kind: str) -> None:
    info = np.iinfo(kind)
    x = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 1.9, 3.1, 100.0], np.float32)
    expected = np.array([0, info.max, info.min, info.max, info.min, 1, 3, 100], kind)
    to = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    for got in results([node("Cast", "x", to=to)], {"x": x}, {}):
        np.testing.assert_array_equal(got, expected)


def test_integers_wrap_and_divide_by_zero() -> None:
    low = np.iinfo(np.int32).min
    feeds = {"x": np.array([low, low, 7, -7], np.int32), "z": np.array([-1, 0, 0, 2], np.int32)}
    for got in results([node("Div", "x z")], feeds, {}):
        np.testing.assert_array_equal(got, np.array([low, 0, 0, -3], np.int32))
    for got in results([node("Add", "x z")], feeds, {}):
        np.testing.assert_array_equal(got, np.array([2**31 - 1, low, 7, -5], np.int32))


def test_large_constants_keep_their_value() -> None:
    c = np.array([2**64 - 1, 2**63, 0], np.uint64)
    feeds = {"x": np.array([2, 1, 5], np.uint64)}
    for got in results([node("Add", "x c")], feeds, {"c": c}):
        np.testing.assert_array_equal(got, np.array([1, 2**63 + 1, 5], np.uint64))


def test_constant_outputs_are_copied() -> None:
    feeds = {"x": np.zeros((2, 3), np.float32)}
    for got in results([node("Shape", "x")], feeds, {}):
        np.testing.assert_array_equal(got, np.array([2, 3], np.int64))


def test_tensors_too_large_to_move_are_refused() -> None:
    x = helper.make_tensor_value_info("x", 1, [1, 64])
    y = helper.make_tensor_value_info("y", 1, ["a", "b"])
    shape = numpy_helper.from_array(np.array([1 << 20, 64], np.int64), "s")
    graph = helper.make_graph([node("Expand", "x s")], "g", [x], [y], [shape])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    with pytest.raises(EdgegenError, match="elements"):
        compile_model(model.SerializeToString(), "m", CORES["m4"], FLOAT)

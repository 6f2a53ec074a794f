"""Hostile and nonsensical ONNX files: an EdgegenError, in seconds and without a flood of memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgegen.errors import EdgegenError, InputError, ModelFormatError, UnsupportedError
from edgegen.passes.base import run_passes
from edgegen.pipeline import PASSES, load_model, read_graph

SECONDS = 5.0
FLOAT = TensorProto.FLOAT


def model(
    nodes: Sequence[Any],
    constants: Sequence[tuple[str, Any]] = (),
    *,
    shape: Sequence[int | str] = (1, 3, 4, 4),
    output: str = "y",
    opset: int = 17,
    functions: Sequence[Any] = (),
) -> bytes:
    """A file with one input `x` and one output."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", FLOAT, shape)],
        [helper.make_tensor_value_info(output, FLOAT, list("abcd"))],
        [numpy_helper.from_array(np.asarray(data), name) for name, data in constants],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("local", 1)]
    made = helper.make_model(graph, opset_imports=opsets, functions=functions)
    result: bytes = made.SerializeToString()
    return result


def refused(blob: bytes) -> str:
    """The message with which a file is refused, in time."""
    start = time.process_time()
    with pytest.raises(EdgegenError) as caught:
        run_passes(read_graph(blob, "hostile"), PASSES)
    assert time.process_time() - start < SECONDS
    return str(caught.value)


def node(kind: str, inputs: str, output: str = "y", **attributes: Any) -> Any:
    return helper.make_node(kind, inputs.split(), [output], **attributes)


def ints(*values: int) -> Any:
    return np.array(values, np.int64)


@pytest.mark.parametrize(
    "nodes",
    [
        [node("ConstantOfShape", "n", "c"), node("Add", "x c")],
        [node("Expand", "x n")],
        [node("Expand", "one n", "c"), node("Add", "x c")],
        [node("Tile", "x n")],
        [node("Pad", "x pads")],
        [node("Range", "zero huge step", "r"), node("Cast", "r", "c", to=1), node("Add", "x c")],
        [node("Resize", "x  scales")],
    ],
    ids=lambda nodes: nodes[0].op_type,
)
def test_huge_shapes(nodes: list[Any]) -> None:
    constants = [
        ("n", ints(1 << 12, 1 << 12, 1 << 12, 1 << 12)),
        ("one", np.ones((1, 1, 1, 1), np.float32)),
        ("pads", ints(0, 0, 0, 0, 0, 1 << 40, 0, 0)),
        ("zero", np.array(0, np.int64)),
        ("huge", np.array(1 << 50, np.int64)),
        ("step", np.array(1, np.int64)),
        ("scales", np.array([1, 1, 1e9, 1e9], np.float32)),
    ]
    refused(model(nodes, constants))


def test_constant_that_claims_more_than_it_holds() -> None:
    made = onnx.load_model_from_string(model([node("Add", "x c")], [("c", np.ones(4, np.float32))]))
    made.graph.initializer[0].dims[0] = 1 << 40
    assert "shape" in refused(made.SerializeToString())


def test_circle() -> None:
    assert "checker" in refused(
        model([node("Add", "x b", "a"), node("Relu", "a", "b")], output="b")
    )


def test_value_assigned_twice() -> None:
    assert "checker" in refused(model([node("Relu", "x"), node("Tanh", "x")]))


def function(name: str, body: Sequence[Any]) -> Any:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    return helper.make_function("local", name, ["x"], ["y"], body, opsets)


def test_functions_that_grow_without_end() -> None:
    """Each function calls the one before twice: 2 ** 60 operators."""
    functions = [function("f0", [node("Relu", "x")])]
    for k in range(1, 60):
        calls = [
            node(f"f{k - 1}", "x", "t", domain="local"),
            node(f"f{k - 1}", "t", domain="local"),
        ]
        functions.append(function(f"f{k}", calls))
    blob = model([node("f59", "x", domain="local")], functions=functions)
    assert "operators, more than" in refused(blob)


def test_function_that_calls_itself() -> None:
    body = [node("f", "x", domain="local")]
    refused(model([node("f", "x", domain="local")], functions=[function("f", body)]))


def chain(make: Callable[[int], Any], count: int) -> bytes:
    nodes = [make(k) for k in range(count)]
    nodes[0].input[0] = "x"
    return model(nodes, output=nodes[-1].output[0])


def test_too_many_operators() -> None:
    blob = chain(lambda k: node("Relu", f"t{k}", f"t{k + 1}"), 30_000)
    assert "operators, more than" in refused(blob)


@pytest.mark.parametrize(
    "make",
    [
        lambda k: node("Relu", f"t{k}", f"t{k + 1}"),
        lambda k: node("Transpose", f"t{k}", f"t{k + 1}", perm=[0, 2, 3, 1]),
        lambda k: node("Flatten" if k % 2 else "Tanh", f"t{k}", f"t{k + 1}"),
    ],
    ids=["relu", "transpose", "flatten"],
)
def test_long_chains_take_little_time(make: Callable[[int], Any]) -> None:
    start = time.process_time()
    run_passes(read_graph(chain(make, 1500), "long"), PASSES[:3])
    assert time.process_time() - start < SECONDS


def test_loops_are_refused_by_name() -> None:
    body = helper.make_graph(
        [node("Relu", "x", "inner")],
        "body",
        [],
        [helper.make_tensor_value_info("inner", FLOAT, list("abcd"))],
    )
    choice = node("If", "c", then_branch=body, else_branch=body)
    most = node("ReduceMax", "x", "most", keepdims=0)
    blob = model([most, node("Cast", "most", "c", to=TensorProto.BOOL), choice])
    assert "control flow (If)" in refused(blob)


def test_a_constant_condition_chooses_its_branch() -> None:
    branches = [
        helper.make_graph(
            [node(kind, "x", f"{kind}_result")],
            kind,
            [],
            [helper.make_tensor_value_info(f"{kind}_result", FLOAT, list("abcd"))],
        )
        for kind in ("Relu", "Tanh")
    ]
    choice = node("If", "c", then_branch=branches[0], else_branch=branches[1])
    for condition, stem in ((True, "relu"), (False, "tanh")):
        graph = read_graph(model([choice], [("c", np.array(condition))]), "m")
        assert stem in [op.stem for op in graph.ops]


def test_unknown_dimensions_are_listed_with_a_hint() -> None:
    blob = model([node("Relu", "x")], shape=("batch", 3, "height", 4))
    assert "--shape x=1,3,N,4" in refused(blob)


@pytest.mark.parametrize("opset", [10, 99])
def test_opsets_out_of_reach(opset: int) -> None:
    assert f"the model uses opset {opset}" in refused(model([node("Relu", "x")], opset=opset))


@pytest.mark.parametrize("blob", [b"", b"\x08", b"\x08\x07garbage", b"PK\x03\x04", b"\x08\xff\xff"])
def test_no_models(blob: bytes) -> None:
    with pytest.raises(ModelFormatError):
        read_graph(blob, "none")


def external(folder: Path, location: str, **entries: str) -> Path:
    """A model whose weights are in another file."""
    made = onnx.load_model_from_string(
        model([node("Add", "x c")], [("c", np.ones((1, 3, 4, 4), np.float32))])
    )
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=value)
    path = folder / "model.onnx"
    path.write_bytes(made.SerializeToString())
    return path


def test_external_data_beside_the_model(tmp_path: Path) -> None:
    weights = np.arange(48, dtype=np.float32)
    (tmp_path / "data.bin").write_bytes(b"skip" * 4 + weights.tobytes())
    path = external(tmp_path, "data.bin", offset="16", length="192")
    graph = read_graph(load_model(path), "model")
    (stored,) = [t for t in graph.tensors.values() if t.type.elements == 48 and t.data is not None]
    assert np.array_equal(stored.values.ravel(), weights)


@pytest.mark.parametrize(
    ("location", "entries"),
    [
        ("../secret", {}),
        ("sub/../../secret", {}),
        ("..\\secret", {}),
        ("/etc/hostname", {}),
        ("C:\\secret", {}),
        ("", {}),
        ("missing", {}),
        ("link", {}),
        (".", {}),
        ("data.bin", {"offset": "1000"}),
        ("data.bin", {"offset": "-4"}),
        ("data.bin", {"length": "1000000000000"}),
        ("data.bin", {"offset": "many"}),
    ],
)
def test_external_data_elsewhere(tmp_path: Path, location: str, entries: dict[str, str]) -> None:
    (tmp_path / "secret").write_bytes(bytes(192))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "data.bin").write_bytes(bytes(192))
    (folder / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(ModelFormatError, match="tensor 'c'"):
        load_model(external(folder, location, **entries))


def test_external_data_needs_the_folder(tmp_path: Path) -> None:
    blob = external(tmp_path, "data.bin").read_bytes()
    assert "in another file" in refused(blob)


def test_missing_file() -> None:
    with pytest.raises(InputError):
        load_model(Path("no such file.onnx"))


def test_sparse_weights_are_refused() -> None:
    made = onnx.load_model_from_string(model([node("Add", "x c")], [("c", np.ones(4, np.float32))]))
    dense = made.graph.initializer.pop()
    indices = numpy_helper.from_array(ints(0, 1, 2, 3), "places")
    made.graph.sparse_initializer.append(helper.make_sparse_tensor(dense, indices, [4]))
    with pytest.raises(UnsupportedError, match="sparse"):
        read_graph(made.SerializeToString(), "sparse")

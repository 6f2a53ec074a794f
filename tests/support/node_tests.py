"""ONNX's own backend node tests as models with inputs and expected outputs.

What only shapes and bounds depend on must be known when code is generated, so such inputs are bound
to the test's values: they become initialisers. Everything else stays an input.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from edgegen.errors import EdgegenError
from edgegen.frontends.onnx import OnnxOptions
from edgegen.pipeline import Compilation, Options, compile_model
from edgegen.target.cores import CORES
from tests.support.data import Array

BOUND: Mapping[str, tuple[int, ...]] = {
    "Reshape": (1,),
    "Expand": (1,),
    "Tile": (1,),
    "Slice": (1, 2, 3, 4),
    "Pad": (1, 2, 3),
    "Resize": (1, 2, 3),
    "Upsample": (1,),
    "Squeeze": (1,),
    "Unsqueeze": (1,),
    "Split": (1,),
    "TopK": (1,),
    "ConstantOfShape": (0,),
    "Range": (0, 1, 2),
    "OneHot": (1,),
    "CumSum": (1,),
    "CumProd": (1,),
    "Trilu": (1,),
    "CenterCropPad": (1,),
    "Dropout": (1, 2),
    "ReverseSequence": (1,),
    "Compress": (1,),
    "AffineGrid": (1,),
    **{
        f"Reduce{name}": (1,)
        for name in "Sum Mean Max Min Prod L1 L2 LogSum LogSumExp SumSquare".split()
    },
}
"""Inputs that are shapes, axes, bounds and the like, by operator."""


@dataclass(frozen=True, eq=False)
class NodeTest:
    """One backend test.

    Attributes:
        name: as onnx calls it.
        model: the ModelProto.
        inputs: values of the model's inputs, in order.
        outputs: expected values.
        rtol: relative tolerance that onnx asks for.
        atol: absolute tolerance.
    """

    name: str
    model: Any
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    rtol: float
    atol: float


@functools.cache
def node_tests() -> tuple[NodeTest, ...]:
    """All node tests of the installed onnx package, with their first set of values."""
    with warnings.catch_warnings():
        # The package computes infinities on purpose, with numpy's warnings on.
        warnings.simplefilter("ignore")
        from onnx.backend.test.loader import load_model_tests

        found = load_model_tests(kind="node")
    return tuple(
        NodeTest(t.name, t.model, tuple(i), tuple(o), t.rtol, t.atol)
        for t in found
        for i, o in (t.data_sets or ())[:1]
    )


@dataclass(frozen=True, eq=False)
class Prepared:
    """A test that compiles.

    Attributes:
        test: the test.
        compilation: its model as float C.
        feeds: values of the inputs that are left, in the graph's order.
    """

    test: NodeTest
    compilation: Compilation
    feeds: tuple[Array, ...]

    def expected(self) -> tuple[Array, ...]:
        """The expected outputs."""
        return tuple(np.asarray(o) for o in self.test.outputs)


def prepare(test: NodeTest, name: str) -> Prepared:
    """Compiles a test's model for a plain core.

    Raises:
        EdgegenError: the model is refused.
    """
    first: EdgegenError | None = None
    for bound in _bindings(test):
        try:
            return _compiled(test, name, bound)
        except EdgegenError as error:
            first = first or error
    assert first is not None
    raise first


def _bindings(test: NodeTest) -> Iterator[frozenset[str]]:
    """Inputs to bind: shapes and the like; then also all lists of integers."""
    names = [i.name for i in test.model.graph.input]
    shapes = {
        node.input[position]
        for node in test.model.graph.node
        for position in BOUND.get(node.op_type, ())
        if position < len(node.input) and node.input[position] in names
    }
    yield frozenset(shapes)
    lists = {
        name
        for name, value in zip(names, test.inputs, strict=False)
        if isinstance(value, np.ndarray) and value.dtype in (np.int32, np.int64) and value.ndim <= 1
    }
    if lists - shapes:
        yield frozenset(shapes | lists)


def bound_model(test: NodeTest, bound: frozenset[str] | None = None) -> bytes:
    """The test's model with some inputs as initialisers; None: shapes and the like."""
    bound = next(iter(_bindings(test))) if bound is None else bound
    model = onnx.ModelProto()
    model.CopyFrom(test.model)
    values = dict(zip((i.name for i in model.graph.input), test.inputs, strict=False))
    kept = [i for i in model.graph.input if i.name not in bound]
    for item in sorted(bound):
        model.graph.initializer.append(onnx.numpy_helper.from_array(values[item], item))
    del model.graph.input[:]
    model.graph.input.extend(kept)
    blob: bytes = model.SerializeToString()
    return blob


def _compiled(test: NodeTest, name: str, bound: frozenset[str]) -> Prepared:
    values = dict(zip((i.name for i in test.model.graph.input), test.inputs, strict=False))
    kept = [i for i in test.model.graph.input if i.name not in bound]
    shapes = {
        i.name: tuple(int(d) for d in np.shape(values[i.name]))
        for i in kept
        if isinstance(values.get(i.name), (np.ndarray, np.generic))
    }
    options = Options(dtype="float32", optimize="size", reading=OnnxOptions(shapes=shapes))
    compilation = compile_model(bound_model(test, bound), name, CORES["m4"], options)
    feeds = tuple(np.asarray(values[n]) for n in compilation.graph.inputs)
    return Prepared(test, compilation, feeds)


def mismatch(prepared: Prepared, actual: tuple[Array, ...]) -> str:
    """How outputs differ from the expected ones; empty where they agree as onnx demands."""
    test = prepared.test
    for got, wanted in zip(actual, prepared.expected(), strict=True):
        if got.shape != wanted.shape or got.dtype != wanted.dtype:
            return f"{got.dtype}{list(got.shape)} instead of {wanted.dtype}{list(wanted.shape)}"
        try:
            np.testing.assert_allclose(got, wanted, rtol=test.rtol, atol=test.atol)
        except AssertionError as error:
            return " ".join(str(error).split())[:300]
    return ""

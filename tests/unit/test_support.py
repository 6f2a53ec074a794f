"""The test infrastructure itself: stable data, honest recordings, reproducible files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgegen.export.flatbuffer import OperatorSpec, TensorSpec, options_table, write_model
from edgegen.frontends import tflite
from tests.support import data
from tests.support.cases import Case, load_cases
from tests.support.models import MODELS_FILE, model_inputs, recorded_models
from tests.support.oracle import OPS_FILE, recorded, write_recordings


def test_random_data_never_changes() -> None:
    assert data.random("a key", [4], "int8").tolist() == [-22, 93, 76, 58]
    assert data.ramp([4], "int8").tolist() == [11, 48, 85, 122]
    assert data.ramp([8], "int8")[4:].tolist() == [-97, -60, -23, 14]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64", "float32"])
def test_random_data_covers_the_type(dtype: str) -> None:
    low, high = data.limits(dtype)
    values = data.random("range", [4096], dtype).astype(np.float64)
    assert low <= values.min() < low + (high - low) / 8
    assert high - (high - low) / 8 < values.max() <= high
    assert data.random("other", [64], dtype).tolist() != data.random("range", [64], dtype).tolist()


def test_every_recording_belongs_to_a_case() -> None:
    assert set(recorded()) == {c.id for c in load_cases()}


def test_recordings_are_small() -> None:
    assert OPS_FILE.stat().st_size < 1_000_000
    assert MODELS_FILE.stat().st_size < 1_000_000


def test_recordings_are_reproducible(tmp_path: Path) -> None:
    first, second = tmp_path / "a.npz", tmp_path / "b.npz"
    write_recordings(first, recorded())
    write_recordings(second, dict(reversed(list(recorded().items()))))
    assert first.read_bytes() == second.read_bytes()


def test_models_have_an_output_for_every_input() -> None:
    assert len(recorded_models()) >= 4
    for model in recorded_models().values():
        dtype = model.outputs[0].dtype.name
        count = {"int8": 24, "int16": 16, "float32": 7}[dtype]
        assert len(model.outputs) == len(model_inputs(model.name, [1], dtype)) == count


@pytest.mark.parametrize("case", load_cases("conv2d")[:3], ids=lambda c: c.id)
def test_writer_and_reader_agree(case: Case) -> None:
    raw = tflite.read(case.model_bytes())
    (node,) = raw.nodes
    assert (node.type, node.version) == (case.op, case.version)
    assert case.options is not None
    assert {k: node.attributes[k] for k in case.options} == dict(case.options)
    for spec in case.tensors:
        tensor = raw.tensors[spec.name]
        assert (tensor.type.dtype.value, tensor.type.shape) == (spec.dtype, spec.shape)
        assert tensor.type.quant is not None
        assert (tensor.type.quant.scales, tensor.type.quant.zero_points) == (
            spec.scales,
            spec.zero_points,
        )
        if spec.data is not None:
            np.testing.assert_array_equal(tensor.data, spec.data)


def test_writer_knows_the_options_tables() -> None:
    assert options_table("DEPTHWISE_CONV_2D") == "DepthwiseConv2DOptions"
    assert options_table("MEAN") == "ReducerOptions"
    with pytest.raises(ValueError, match="LOGISTIC"):
        options_table("LOGISTIC")


def test_writer_refuses_unknown_options() -> None:
    tensor = TensorSpec("x", "int8", (1,))
    operator = OperatorSpec("SOFTMAX", 1, (0,), (1,), {"gamma": 1.0})
    with pytest.raises(ValueError, match="gamma"):
        write_model([tensor, tensor], [operator], [0], [1])

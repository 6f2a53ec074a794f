"""Order of axes and types at the generated interface: the model's own, or channels last."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edgegen.cli import main
from edgegen.frontends.onnx import OnnxOptions
from edgegen.ir import DType, Graph
from edgegen.passes.base import run_passes
from edgegen.pipeline import PASSES, read_graph
from edgegen.verify.reference import evaluate
from tests.support.networks import network_file

LAST = OnnxOptions(input_layout="nhwc", output_layout="nhwc")


def graphs(stem: str) -> tuple[Graph, Graph]:
    """The network with its own order of axes and with channels last, optimised."""
    blob = network_file(stem).read_bytes()
    first, last = (read_graph(blob, "net", r) for r in (None, LAST))
    return run_passes(first, PASSES), run_passes(last, PASSES)


def transposes(graph: Graph) -> int:
    return sum(op.stem == "transpose" for op in graph.ops)


@pytest.mark.parametrize(
    ("stem", "own"),
    [("resnet_qdq_tensor_uint8", 1), ("unet_qdq_channel_int8", 0), ("cnn1d_torchscript", 1)],
)
def test_channels_last_needs_no_transposition(stem: str, own: int) -> None:
    first, last = graphs(stem)
    assert transposes(first) == own
    assert transposes(last) == 0


@pytest.mark.parametrize("stem", ["resnet_qdq_tensor_uint8", "unet_dynamo", "cnn1d_dynamo"])
def test_the_same_values_in_another_order(stem: str) -> None:
    first, last = graphs(stem)
    kind = first.tensor(first.inputs[0]).type
    rank = len(kind.shape)
    to_last = (0, *range(2, rank), 1)
    bits = np.random.default_rng(3).integers(0, 200, kind.shape)
    scale = 99 if kind.dtype is DType.FLOAT32 else 1
    x = (bits / scale).astype(kind.dtype.numpy)
    a = evaluate(first, {first.inputs[0]: x})[first.outputs[0]]
    moved = np.ascontiguousarray(x.transpose(to_last))
    b = evaluate(last, {last.inputs[0]: moved})[last.outputs[0]]
    if a.ndim == rank:
        a = a.transpose(to_last)
    np.testing.assert_allclose(a.astype(np.float64), b.astype(np.float64), rtol=1e-5, atol=1e-6)
    assert first.inputs == last.inputs
    assert first.outputs == last.outputs


def test_graphs_say_which() -> None:
    first, last = graphs("unet_qdq_channel_int8")
    assert set(first.layouts.values()) == {"NCHW"}
    assert set(last.layouts.values()) == {"NHWC"}
    assert graphs("mlp_dynamo")[0].layouts == {}


def test_unsigned_models_keep_unsigned_inputs_and_outputs() -> None:
    for graph in graphs("ds_cnn_qoperator_channel_uint8"):
        for name in (*graph.inputs, *graph.outputs):
            assert graph.tensor(name).type.dtype is DType.UINT8
        inner = {t.type.dtype for op in graph.ops for t in graph.io(op).outputs} - {DType.UINT8}
        assert inner == {DType.INT8}


def test_header_report_and_summary_say_which(tmp_path: Path) -> None:
    model = str(network_file("resnet_qdq_tensor_uint8"))
    arguments = ["build", model, "-b", "nrf52840", "--name", "net", "-o", str(tmp_path / "net")]
    done = CliRunner().invoke(main, [*arguments, "--input-layout", "nhwc"])
    assert done.exit_code == 0, done.output
    assert "input: 1x32x32x3 NHWC" in done.output
    assert "uint8 1x32x32x3 NHWC" in (tmp_path / "net" / "net.h").read_text()
    assert '"layout": "NHWC"' in (tmp_path / "net" / "report.json").read_text()
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert "uint8 1x3x32x32 NCHW" in (tmp_path / "net" / "net.h").read_text()


@pytest.mark.parametrize("text", ["input", "input=", "input=1,x", "=1,2", "input=0,3"])
def test_shapes_that_make_no_sense(text: str) -> None:
    done = CliRunner().invoke(main, ["build", "m.onnx", "-b", "nrf52840", "--shape", text])
    assert done.exit_code == 2
    assert "is not like input=1,3,32,32" in done.output


def test_shape_of_an_input_that_the_model_has_not() -> None:
    model = str(network_file("mlp_dynamo"))
    done = CliRunner().invoke(main, ["build", model, "-b", "nrf52840", "--shape", "images=1,4"])
    assert done.exit_code == 1
    assert "no input 'images'" in done.output

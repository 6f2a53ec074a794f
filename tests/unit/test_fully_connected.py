"""What the recorded cases of FULLY_CONNECTED cannot say."""

from __future__ import annotations

import numpy as np

from edgegen.export.flatbuffer import OperatorSpec, TensorSpec, write_model
from edgegen.frontends import tflite
from edgegen.frontends.build import build
from edgegen.verify.reference import evaluate
from tests.support import data
from tests.support.data import Array


def dense(shape: tuple[int, ...], *, keep: bool, scales: tuple[float, ...]) -> Array:
    """Output on the ramp for weights [5, 7]."""
    weights = data.constant("weights", "dense", (5, 7), "int8")
    output = (*shape[:-1], 5) if keep else (int(np.prod(shape)) // 7, 5)
    tensors = [
        TensorSpec("x", "int8", shape, (0.05,), (3,)),
        TensorSpec("w", "int8", (5, 7), scales, (0,) * len(scales), 0, weights),
        TensorSpec("y", "int8", output, (0.15,), (4,)),
    ]
    operator = OperatorSpec("FULLY_CONNECTED", 5, (0, 1), (2,), {"keep_num_dims": keep})
    graph = build(tflite.read(write_model(tensors, [operator], [0], [2])), "dense")
    return evaluate(graph, {"x": data.ramp(shape, "int8")})["y"]


def test_per_channel_rows_do_not_depend_on_the_output_shape() -> None:
    # TFLite 2.14's reference kernel writes only part of such an output when it is no matrix.
    scales = (0.005, 0.006, 0.007, 0.008, 0.009)
    flat = dense((1, 2, 3, 7), keep=False, scales=scales)
    kept = dense((1, 2, 3, 7), keep=True, scales=scales)
    assert kept.shape == (1, 2, 3, 5)
    np.testing.assert_array_equal(kept.reshape(6, 5), flat)


def test_equal_scales_differ_little_from_one_scale() -> None:
    # Per-channel weights multiply the scales in double, per-tensor weights in float32.
    one = dense((1, 4, 7), keep=True, scales=(0.006,))
    many = dense((1, 4, 7), keep=True, scales=(0.006,) * 5)
    assert np.abs(one.astype(int) - many).max() <= 1

"""Static quantisation by onnxruntime and by torchao."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from tests.support.data import Array


class Samples(CalibrationDataReader):
    """Feeds calibration inputs [n, ...] one by one."""

    def __init__(self, name: str, inputs: Array) -> None:
        self._feeds = iter([{name: inputs[i : i + 1]} for i in range(len(inputs))])

    def get_next(self) -> dict[str, Array] | None:
        """The next input, None after the last."""
        return next(self._feeds, None)


@dataclass(frozen=True)
class Style:
    """A way to quantise.

    Attributes:
        format: QDQ or QOperator.
        per_channel: whether weights have a scale for each output channel.
        activations: int8 or uint8; weights are int8.
        extra: further options of `quantize_static`.
    """

    format: QuantFormat
    per_channel: bool
    activations: QuantType
    extra: Mapping[str, Any] = field(default_factory=dict)


STYLES: dict[str, Style] = {
    "qdq_channel_int8": Style(QuantFormat.QDQ, True, QuantType.QInt8),
    "qdq_tensor_uint8": Style(QuantFormat.QDQ, False, QuantType.QUInt8, {"DedicatedQDQPair": True}),
    "qoperator_channel_uint8": Style(QuantFormat.QOperator, True, QuantType.QUInt8),
    "qoperator_tensor_int8": Style(QuantFormat.QOperator, False, QuantType.QInt8),
}


def quantise(source: Path, target: Path, style: Style, calibration: Array) -> None:
    """Quantises a float model after onnxruntime's own preparation of it."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(target),
            Samples("input", calibration),
            quant_format=style.format,
            per_channel=style.per_channel,
            activation_type=style.activations,
            weight_type=QuantType.QInt8,
            extra_options=dict(style.extra),
        )
    onnx.checker.check_model(onnx.load(target))

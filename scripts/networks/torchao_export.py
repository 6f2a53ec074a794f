"""Quantisation by torchao (PyTorch 2 export), then export as QDQ."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from exporting import export
from torch import nn
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import QuantizationAnnotation, Quantizer
from torchao.quantization.pt2e.quantizer.x86_inductor_quantizer import (
    get_default_x86_inductor_quantization_config,
)

from tests.support.data import Array

ANNOTATION = "quantization_annotation"
ATEN = torch.ops.aten
WEIGHTED = (ATEN.conv2d.default, ATEN.linear.default)
ADDITIONS = (ATEN.add.Tensor, ATEN.add_.Tensor)
ACTIVATIONS = (
    ATEN.relu.default,
    ATEN.relu_.default,
    ATEN.hardtanh.default,
    ATEN.hardtanh_.default,
)


class IntegerQuantizer(Quantizer):
    """Quantises the inputs, weights and results of all layers, so that no float part remains.

    A layer and the activation after it have one quantisation, that of the result.
    """

    def annotate(self, model: torch.fx.GraphModule) -> torch.fx.GraphModule:
        """Marks what is to be quantised."""
        config = get_default_x86_inductor_quantization_config()
        values, weights = config.input_activation, config.weight
        for node in model.graph.nodes:
            if node.target in WEIGHTED:
                source, weight = node.args[:2]
                inputs = {source: values, weight: weights}
            elif node.target in ADDITIONS:
                inputs = dict.fromkeys(node.args[:2], values)
            elif node.target in ACTIVATIONS:
                inputs = {}
            else:
                continue
            fused = any(user.target in ACTIVATIONS for user in node.users)
            node.meta[ANNOTATION] = QuantizationAnnotation(
                inputs, None if fused else values, _annotated=True
            )
        return model

    def validate(self, model: torch.fx.GraphModule) -> None:
        """Accepts every graph."""


def quantise_torchao(network: nn.Module, path: Path, calibration: Array) -> None:
    """uint8 activations, int8 weights a channel, float biases; exported by the newer exporter.

    Args:
        network: set to inference.
        path: of the .onnx file.
        calibration: float32 inputs [n, ...].
    """
    example = (torch.from_numpy(calibration[:1]),)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        prepared = prepare_pt2e(torch.export.export(network, example).module(), IntegerQuantizer())
        for sample in calibration:
            prepared(torch.from_numpy(sample[None]))
        export(convert_pt2e(prepared), example, path, opset=21, exporter="dynamo")

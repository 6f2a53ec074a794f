"""Quantisation by torchao (PyTorch 2 export), then export as QDQ."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from exporting import export_dynamo
from torch import nn
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import QuantizationAnnotation
from torchao.quantization.pt2e.quantizer.x86_inductor_quantizer import (
    X86InductorQuantizer,
    get_default_x86_inductor_quantization_config,
)

from tests.support.data import Array

ANNOTATION = "quantization_annotation"


class WholeQuantizer(X86InductorQuantizer):
    """torchao's x86 quantiser, with the network's output quantised as well."""

    def __init__(self) -> None:
        super().__init__()
        self.config = get_default_x86_inductor_quantization_config()
        self.set_global(self.config)

    def annotate(self, model: torch.fx.GraphModule) -> torch.fx.GraphModule:
        """Marks what is to be quantised."""
        model = super().annotate(model)
        ((last,),) = next(n for n in model.graph.nodes if n.op == "output").args
        known = last.meta.setdefault(ANNOTATION, QuantizationAnnotation(_annotated=True))
        known.output_qspec = self.config.output_activation or self.config.input_activation
        return model


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
        prepared = prepare_pt2e(torch.export.export(network, example).module(), WholeQuantizer())
        for sample in calibration:
            prepared(torch.from_numpy(sample[None]))
        export_dynamo(convert_pt2e(prepared), example, path, opset=21, symbolic_batch=False)

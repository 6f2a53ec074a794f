"""Export with both of PyTorch's ONNX exporters."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import torch
from torch import nn


def export_torchscript(
    network: nn.Module, example: torch.Tensor, path: Path, *, opset: int, symbolic_batch: bool
) -> None:
    """Exports by tracing, the older exporter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (example,),
            path,
            dynamo=False,
            opset_version=opset,
            input_names=["input"],
            output_names=["output"],
            dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}}
            if symbolic_batch
            else None,
        )
    _tidy(path)


def export_dynamo(
    network: nn.Module, example: torch.Tensor, path: Path, *, opset: int, symbolic_batch: bool
) -> None:
    """Exports through torch.export, the newer exporter."""
    shapes = ({0: torch.export.Dim("batch")},) if symbolic_batch else None
    if symbolic_batch:
        # torch.export takes an extent of one for a constant.
        example = torch.cat([example, example])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (example,),
            path,
            dynamo=True,
            opset_version=opset,
            dynamic_shapes=shapes,
            input_names=["input"],
            output_names=["output"],
            external_data=False,
            verbose=False,
        )
    _tidy(path)


def _tidy(path: Path) -> None:
    """Drops stack traces and source paths; the graph stays as exported."""
    model = onnx.load(path)
    graph = model.graph
    for item in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output):
        item.doc_string = ""
        del item.metadata_props[:]
    for tensor in graph.initializer:
        tensor.doc_string = ""
        del tensor.metadata_props[:]
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)

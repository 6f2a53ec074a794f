"""Export with either of PyTorch's ONNX exporters."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

EXPORTERS = {"torchscript": False, "dynamo": True}
"""By name: the older one, which traces, and the newer one, which goes through torch.export."""

BATCH = "batch"


def export(
    network: nn.Module,
    examples: tuple[Tensor, ...],
    path: Path,
    *,
    exporter: str,
    opset: int,
    symbolic_batch: bool = False,
) -> None:
    """Writes a network as an .onnx file.

    Args:
        network: set to inference.
        examples: inputs of the shapes that the model is to have.
        path: of the file.
        exporter: a key of `EXPORTERS`.
        opset: version of ONNX's operators.
        symbolic_batch: whether the first dimension gets a name instead of a number; for networks
            with one input and one output.
    """
    options: dict[str, Any] = {}
    if EXPORTERS[exporter]:
        options = {"external_data": False, "verbose": False}
        if symbolic_batch:
            options["dynamic_shapes"] = ({0: torch.export.Dim(BATCH)},)
            # torch.export takes an extent of one for a constant.
            examples = tuple(torch.cat([e, e]) for e in examples)
    elif symbolic_batch:
        options["dynamic_axes"] = {"input": {0: BATCH}, "output": {0: BATCH}}
    names = ["input"] if len(examples) == 1 else [f"input{i}" for i in range(len(examples))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            examples,
            path,
            dynamo=EXPORTERS[exporter],
            opset_version=opset,
            input_names=names,
            output_names=["output"],
            **options,
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

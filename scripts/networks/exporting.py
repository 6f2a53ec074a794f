"""Export with both of PyTorch's ONNX exporters."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Protocol

import onnx
import torch
from torch import Tensor, nn

BATCH = "batch"


class Export(Protocol):
    """An exporter."""

    def __call__(
        self,
        network: nn.Module,
        examples: tuple[Tensor, ...],
        path: Path,
        *,
        opset: int,
        symbolic_batch: bool,
    ) -> None:
        """Writes `network` to `path`.

        Args:
            network: set to inference.
            examples: inputs of the shapes that the model is to have.
            path: of the .onnx file.
            opset: version of ONNX's operators.
            symbolic_batch: whether the first dimension gets a name instead of a number; for
                networks with one input and one output.
        """


def input_names(examples: tuple[Tensor, ...]) -> list[str]:
    """`input`, or numbered ones."""
    return ["input"] if len(examples) == 1 else [f"input{i}" for i in range(len(examples))]


def export_torchscript(
    network: nn.Module,
    examples: tuple[Tensor, ...],
    path: Path,
    *,
    opset: int,
    symbolic_batch: bool,
) -> None:
    """Exports by tracing, the older exporter."""
    axes = {"input": {0: BATCH}, "output": {0: BATCH}} if symbolic_batch else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            examples,
            path,
            dynamo=False,
            opset_version=opset,
            input_names=input_names(examples),
            output_names=["output"],
            dynamic_axes=axes,
        )
    _tidy(path)


def export_dynamo(
    network: nn.Module,
    examples: tuple[Tensor, ...],
    path: Path,
    *,
    opset: int,
    symbolic_batch: bool,
) -> None:
    """Exports through torch.export, the newer exporter."""
    shapes = tuple({0: torch.export.Dim(BATCH)} for _ in examples) if symbolic_batch else None
    if symbolic_batch:
        # torch.export takes an extent of one for a constant.
        examples = tuple(torch.cat([e, e]) for e in examples)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            examples,
            path,
            dynamo=True,
            opset_version=opset,
            dynamic_shapes=shapes,
            input_names=input_names(examples),
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

"""`edgegen compare`."""

from __future__ import annotations

from pathlib import Path

import click

from edgegen.cli.common import console, progress, reports_errors
from edgegen.cli.reading import reading_options
from edgegen.codegen.names import identifier
from edgegen.frontends import tflite
from edgegen.frontends.onnx import OnnxOptions
from edgegen.ir import Graph
from edgegen.pipeline import load_model, read_graph
from edgegen.quantise.compare import compare
from edgegen.quantise.samples import load_samples
from edgegen.report.quantisation_text import print_comparison


@click.command(name="compare")
@click.argument("float_model", metavar="FLOAT", type=click.Path(path_type=Path))
@click.argument("int8_model", metavar="INT8", type=click.Path(path_type=Path))
@click.option(
    "--inputs",
    required=True,
    type=click.Path(path_type=Path),
    help="Samples: .npz, .npy or a folder of them; integers are the INT8 model's inputs.",
)
@click.option("--labels", type=click.Path(path_type=Path), help="Class numbers of the samples.")
@reading_options
@reports_errors
def command(
    float_model: Path, int8_model: Path, inputs: Path, labels: Path | None, reading: OnnxOptions
) -> None:
    """Show where FLOAT and INT8 part: SQNR of every tensor, the worst first."""
    source = read_graph(load_model(float_model), identifier(float_model.stem), reading)
    graph = _int8(int8_model, reading)
    quant = graph.tensor(graph.inputs[0]).type.quant
    samples = load_samples(inputs, source, quant, labels)
    found = compare(source, graph, samples, progress)
    print_comparison(console(), found, (float_model.name, int8_model.name))


def _int8(path: Path, reading: OnnxOptions) -> Graph:
    """The int8 model, whose shapes and layouts are open only if it is an ONNX file too."""
    blob = load_model(path)
    return read_graph(blob, identifier(path.stem), None if tflite.is_tflite(blob) else reading)

"""`edgegen compare`."""

from __future__ import annotations

from pathlib import Path

import click

from edgegen.cli.common import console, progress, reports_errors
from edgegen.codegen.names import identifier
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
@reports_errors
def command(float_model: Path, int8_model: Path, inputs: Path, labels: Path | None) -> None:
    """Show where FLOAT and INT8 part: SQNR of every tensor, the worst first."""
    source, graph = (
        read_graph(load_model(path), identifier(path.stem)) for path in (float_model, int8_model)
    )
    quant = graph.tensor(graph.inputs[0]).type.quant
    samples = load_samples(inputs, source, quant, labels)
    found = compare(source, graph, samples, progress)
    print_comparison(console(), found, (float_model.name, int8_model.name))

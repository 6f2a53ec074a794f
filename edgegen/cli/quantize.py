"""`edgegen quantize`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from edgegen.cli._calibration import calibration_options
from edgegen.cli.common import MODEL, console, progress, reports_errors
from edgegen.cli.reading import reading_options
from edgegen.codegen.names import identifier
from edgegen.codegen.writer import write_files
from edgegen.frontends.onnx import OnnxOptions
from edgegen.ir import QuantParams
from edgegen.passes.base import run_passes
from edgegen.pipeline import PASSES, compile_model, load_model, read_graph
from edgegen.quantise.convert import WeightOptions
from edgegen.quantise.model import Request, quantise_model
from edgegen.quantise.observers import OBSERVERS
from edgegen.quantise.quantise import AUTO, Settings
from edgegen.report.quantisation import Expense, quantisation_report
from edgegen.report.quantisation_html import quantisation_html
from edgegen.report.quantisation_text import print_quantisation
from edgegen.target.cores import CORES

PATH = click.Path(path_type=Path)


@click.command(name="quantize")
@MODEL
@calibration_options(required=True)
@reading_options
@click.option("--output", "-o", type=PATH, help="Default: MODEL_int8.tflite.")
@click.option("--samples", "limit", type=click.IntRange(min=1), help="Calibrate on so many only.")
@click.option("--labels", type=PATH, help="Class numbers of the samples: accuracy is reported.")
@click.option("--test", type=PATH, help="Measure on these samples instead.")
@click.option(
    "--observer",
    type=click.Choice((AUTO, *OBSERVERS)),
    default=AUTO,
    show_default=True,
    help="What chooses the activations' ranges.",
)
@click.option(
    "--equalise/--no-equalise",
    default=None,
    help="Even out channels across layers; default: whichever measures better.",
)
@click.option(
    "--correct-bias/--no-correct-bias",
    default=True,
    show_default=True,
    help="Move the mean error of each channel into its bias.",
)
@click.option("--per-tensor", is_flag=True, help="One scale for all weights of a convolution.")
@click.option(
    "--per-channel-dense",
    is_flag=True,
    help="One scale a channel in fully connected layers too, which not every runtime has.",
)
@click.option(
    "--int16",
    metavar="LAYERS",
    multiple=True,
    help="Layers with int16 activations: all, or positions, names of outputs or operators, with "
    "* and ?, separated by commas.",
)
@click.option(
    "--target-sqnr",
    "target",
    type=float,
    help="Output SQNR in dB to be reached, with int16 for some layers where it takes that.",
)
@click.option("--sensitivity", is_flag=True, help="Measure every layer alone on int8.")
@click.option("--report", type=PATH, help="Also write the report: .html, or .json.")
@reports_errors
def command(
    model: Path,
    calibration: Path,
    integers: QuantParams | None,
    reading: OnnxOptions,
    output: Path | None,
    limit: int | None,
    labels: Path | None,
    test: Path | None,
    observer: str,
    equalise: bool | None,
    correct_bias: bool,
    per_tensor: bool,
    per_channel_dense: bool,
    int16: tuple[str, ...],
    target: float | None,
    sensitivity: bool,
    report: Path | None,
) -> None:
    """Turn a float MODEL into an int8 .tflite file."""
    blob = load_model(model)
    name = identifier(model.stem)
    weights = WeightOptions(not per_tensor, per_channel_dense)
    wide = tuple(part.strip() for text in int16 for part in text.split(",") if part.strip())
    settings = Settings(observer, equalise, correct_bias, weights, wide)
    request = Request(calibration, labels, test, limit, integers, settings, target, sensitivity)
    outcome = quantise_model(read_graph(blob, name, reading), request, progress)
    optimised = run_passes(outcome.made.graph, PASSES)
    found = quantisation_report(name, outcome, optimised, len(blob), _expense)
    file = output if output is not None else Path(f"{model.stem}_int8.tflite")
    files = {file: outcome.blob}
    if report is not None:
        as_json = report.suffix == ".json"
        text = json.dumps(found.as_json(), indent=2) + "\n" if as_json else quantisation_html(found)
        files[report] = text.encode()
    write_files(files)
    out = console()
    print_quantisation(out, found)
    out.print("written: " + ", ".join(str(f) for f in files))


def _expense(blob: bytes) -> Expense:
    """What a build of a model file takes on a Cortex-M4 without limits."""
    compilation = compile_model(blob, "net", CORES["m4"])
    return Expense(
        sum(call.cost.cycles for call in compilation.program.calls),
        compilation.plan.arena.size,
        compilation.package.bytes_of(),
    )

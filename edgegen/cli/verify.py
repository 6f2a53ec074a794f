"""`edgegen verify`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from edgegen.cli.common import INPUTS, MODEL, compile_options, console, progress, reports_errors
from edgegen.ir import Graph
from edgegen.link.console import Console
from edgegen.link.port import BAUD, SerialPort
from edgegen.link.verify import verify_board
from edgegen.passes.widening import fuse_widening
from edgegen.pipeline import Options, compile_model, load_model, model_name, read_graph
from edgegen.report import tables
from edgegen.report.board_table import print_board_verdict
from edgegen.target.arithmetic import require_integers
from edgegen.target.board import load_board
from edgegen.verify.vectors import Vectors, load_vectors, standard_vectors
from edgegen.verify.verify import verify_host


@click.command(name="verify")
@MODEL
@click.option(
    "--board",
    "-b",
    default="nrf52840dk",
    show_default=True,
    help="Whose kernels to verify: a board's name, or a path to its .toml.",
)
@INPUTS
@compile_options
@click.option("--cc", help="Host C compiler; default: $CC, cc, gcc or clang.")
@click.option(
    "--port",
    help="Verify a board that runs this model's firmware, on this serial port or pyserial URL.",
)
@click.option(
    "--baud",
    default=BAUD,
    show_default=True,
    help="Bits per second on the port.",
    type=click.IntRange(min=1),
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.0, min_open=True),
    default=30.0,
    show_default=True,
    help="Seconds that the board may take for an inference.",
)
@reports_errors
def command(
    model: Path,
    board: str,
    inputs: Path | None,
    options: Options,
    cc: str | None,
    port: str | None,
    baud: int,
    timeout: float,
) -> None:
    """Compare the numpy reference with the compiled C, all bytes of all layers.

    With --port: with what a board answers, all bytes of its outputs.
    """
    if port is not None:
        _on_board(model, inputs, options, port, baud, timeout)
        return
    target = options.places.on(load_board(board))
    options = options.within(target)
    compilation = compile_model(
        load_model(model), model_name(model, options), options.core(target), options
    )
    vectors = _vectors(inputs, compilation.source)
    verdict = verify_host(compilation, vectors, compiler=cc)
    tables.print_verdict(console(), compilation.name, verdict, vectors.title)


def _on_board(
    model: Path, inputs: Path | None, options: Options, port: str, baud: int, timeout: float
) -> None:
    name = model_name(model, options)
    graph = fuse_widening(read_graph(load_model(model), name, options.reading))
    if options.dtype != "float32":
        require_integers(graph)
    vectors = _vectors(inputs, graph)
    with _opened(port, baud) as serial:
        verdict = verify_board(
            graph,
            vectors,
            Console(serial, patience_s=timeout),
            lambda numbers: progress(numbers, f"{name} on {port}"),
        )
    print_board_verdict(console(), name, verdict, vectors.title)


@contextmanager
def _opened(port: str, baud: int) -> Iterator[SerialPort]:
    serial = SerialPort(port, baud)
    try:
        yield serial
    finally:
        serial.close()


def _vectors(inputs: Path | None, graph: Graph) -> Vectors:
    return load_vectors(inputs, graph) if inputs else standard_vectors(graph)

"""The console and its client with inputs and outputs of other types and numbers."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgegen.codegen.layout import Layout
from edgegen.export.flatbuffer import OperatorSpec, TensorSpec, write_model
from edgegen.link.console import Console
from edgegen.link.port import SerialPort
from edgegen.link.verify import verify_board
from edgegen.pipeline import Compilation, Options, compile_model
from edgegen.target.board import load_board
from edgegen.verify.reference import evaluate
from edgegen.verify.vectors import standard_vectors
from tests.support import host_console
from tests.support.cases import load_cases

NETWORKS = Path(__file__).parents[1] / "networks"
BOARD = load_board("nrf52840dk")


def case(stem: str, name: str) -> Callable[[], bytes]:
    return lambda: next(c for c in load_cases(stem) if c.name == name).model_bytes()


def network(name: str) -> Callable[[], bytes]:
    return lambda: (NETWORKS / name).read_bytes()


def several() -> bytes:
    """Two inputs of different sizes, three outputs, one of which is also read by an operator."""
    tensors = [
        TensorSpec("left", "int8", (1, 5), (0.05,), (3,)),
        TensorSpec("right", "int8", (1, 7), (0.02,), (-7,)),
        TensorSpec("soft", "int8", (1, 5), (1 / 256,), (-128,)),
        TensorSpec("softer", "int8", (1, 5), (1 / 256,), (-128,)),
        TensorSpec("bent", "int8", (1, 7), (0.02,), (-7,)),
    ]
    operators = [
        OperatorSpec("LOGISTIC", 1, (0,), (2,), None),
        OperatorSpec("SOFTMAX", 1, (2,), (3,), {"beta": 1.0}),
        OperatorSpec("RELU", 1, (1,), (4,), None),
    ]
    return write_model(tensors, operators, (0, 1), (2, 3, 4))


def compiled(blob: bytes, options: Options) -> Compilation:
    return compile_model(blob, "net", BOARD.core, options)


@pytest.mark.parametrize(
    ("blob", "options"),
    [
        (case("add", "int16"), Options()),
        (several, Options()),
        (several, Options(keep_input=True, layout=Layout(owner="static"))),
        (network("cnn1d_qoperator_channel_uint8.onnx"), Options()),
        (network("digits.onnx"), Options(dtype="float32")),
        (network("int8/small_int8.tflite"), Options(optimize="ram", input_rows=True)),
    ],
    ids=["two-int16", "several", "own-arena", "uint8", "float32", "rows"],
)
def test_all_bytes_come_and_go(blob: Callable[[], bytes], options: Options, tmp_path: Path) -> None:
    compilation = compiled(blob(), options)
    compilation = replace(compilation, package=replace(compilation.package, layout=options.layout))
    vectors = standard_vectors(compilation.source, 2)
    program = host_console.build(compilation.package, tmp_path)
    with host_console.terminal(program) as name, closing(SerialPort(name)) as port:
        console = Console(port)
        verdict = verify_board(compilation.source, vectors, console)
        results = console.command("results")
    assert verdict.inferences == 5
    assert verdict.exact == (options.dtype == "int8")
    assert len(verdict.layers) == len(compilation.program.calls)
    # The decimals of the last inference.
    graph = compilation.source
    values = evaluate(graph, vectors.batches[-1])
    assert len(results) == len(graph.outputs)
    for line, out in zip(results, graph.outputs, strict=True):
        found = re.fullmatch(r"m-results-\[(.*)\]", line)
        assert found
        kind, real = graph.tensor(out).type, values[out].astype(np.float64).ravel()
        if kind.quant is not None:
            real = (real - kind.zero_point) * kind.scale
        printed = np.array([float(x) for x in found[1].split(",")])
        assert (np.abs(printed - real) <= 0.000501 + 1e-5 * np.abs(real)).all()


def test_a_port_may_be_a_socket(demo: Compilation, demo_firmware: Path) -> None:
    """As emulators and serial servers offer them; pyserial's URLs reach them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]

        def serve() -> None:
            wire, _ = server.accept()
            fd = wire.fileno()
            with wire:
                subprocess.run([demo_firmware], stdin=fd, stdout=fd, check=False, timeout=60)

        thread = threading.Thread(target=serve)
        thread.start()
        with closing(SerialPort(f"socket://127.0.0.1:{number}")) as port:
            vectors = standard_vectors(demo.source, 1)
            some = replace(vectors, batches=vectors.batches[-1:])
            verdict = verify_board(demo.source, some, Console(port))
        thread.join(10)
    assert verdict.inferences == 1
    assert not thread.is_alive()

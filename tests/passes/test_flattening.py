"""A dense layer behind an image: it takes the image row by row, and the image is never whole."""

from __future__ import annotations

import functools

import pytest

from edgegen.export.tflite import write
from edgegen.pipeline import Compilation, Options, compile_model
from edgegen.quantise.quantise import quantise
from edgegen.target.board import load_board
from edgegen.verify.vectors import standard_vectors
from edgegen.verify.verify import verify_host
from tests.quantise.networks import FloatNetwork, samples
from tests.support import firmware


@functools.cache
def model() -> bytes:
    """Two convolutions, a flattened image of 12 rows, a dense layer."""
    net = FloatNetwork()
    y = net.conv(net.conv(net.input(1, 12, 10, 3), 8), 16)
    graph = net.graph(net.softmax(net.dense(net.flatten(y), 7)))
    return write(quantise(graph, samples(graph, 8)).graph)


def compiled(board: str, options: Options) -> Compilation:
    return compile_model(model(), "net", load_board(board).core, options)


def dense(compilation: Compilation) -> str:
    (call,) = (c for c in compilation.program.calls if c.op.stem == "fully_connected")
    return call.kernel.name


@pytest.mark.parametrize("board", ["nucleo_l4r5zi", "rp2040"])
def test_sums_take_the_place_of_the_image(board: str) -> None:
    whole = compiled(board, Options(optimize="ram", streaming=False))
    by_rows = compiled(board, Options(optimize="ram"))
    assert dense(by_rows) == "scalar_sums"
    image = 12 * 10 * 16
    assert whole.plan.arena.size >= image
    # The input, a few rows between the layers, and the sums.
    assert by_rows.plan.arena.size < image / 2
    firmware.run(by_rows, load_board(board))
    firmware.run(whole, load_board(board))


def test_the_reshape_is_gone_and_nothing_else_changes() -> None:
    whole = compiled("nucleo_l4r5zi", Options())
    assert [op.stem for op in whole.source.ops].count("reshape") == 1
    assert "reshape" not in [c.op.stem for c in whole.program.calls]
    assert not [op for op in whole.graph.ops if op.stem == "reshape"]
    verify_host(whole, standard_vectors(whole.source, random=2))

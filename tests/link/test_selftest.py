"""The self-test's CRC of every layer: what C computes over memory is what numpy expects."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from edgegen.codegen.selftest import stored_bytes
from edgegen.ir import DType, TensorType
from edgegen.kernels.formats import DENSE, HWC, PLANES_HIGH, PLANES_WIDE, Format, Layout
from edgegen.pipeline import Compilation, Options, compile_model
from edgegen.target.board import load_board
from tests.models.test_odd_shapes import odd_model
from tests.support import data, host_console
from tests.support.models import DEMO_MODEL, INT8_NETWORKS

LAYER = re.compile(r"m-layer +(\d+) (\S+) +crc ([0-9a-f]{8}) (ok|wrong|-) +(\d+) cycles")


def layouts(compilation: Compilation) -> set[Layout]:
    buffers = compilation.program.buffers
    return {buffers[call.output].format.layout for call in compilation.program.calls}


def compiled(blob: bytes, board: str, **options: object) -> Compilation:
    wish = Options(**options)  # type: ignore[arg-type]
    return compile_model(blob, "net", wish.core(load_board(board)), wish)


@pytest.mark.parametrize(
    ("model", "board", "options"),
    [
        (DEMO_MODEL.read_bytes(), "nrf52840dk", {"optimize": "ram", "input_rows": True}),
        (odd_model(), "nrf52840dk", {"optimize": "speed"}),
        ((INT8_NETWORKS / "unet_int8.tflite").read_bytes(), "rp2040", {}),
    ],
    ids=["rows", "odd-planes", "m0+"],
)
def test_all_layers_are_right_on_the_host(
    model: bytes, board: str, options: dict[str, object], tmp_path: Path
) -> None:
    compilation = compiled(model, board, **options)
    program = host_console.build(compilation.package, tmp_path)
    text = host_console.answer(program, "selftest%")
    found = [m for m in map(LAYER.fullmatch, text.split("\r\n")) if m]
    assert [int(m[1]) for m in found] == list(range(len(compilation.program.calls)))
    assert {m[4] for m in found} == {"ok"}
    assert "m-selftest-[PASS]" in text


def test_the_cases_above_have_all_formats() -> None:
    """Padded pixels and padded rows of planes are among what was checked."""
    compilation = compiled(odd_model(), "nrf52840dk", optimize="speed")
    assert layouts(compilation) >= {Layout.DENSE, Layout.HWC}
    padded = [
        call.io.output.type.shape[-1] % 4
        for call in compilation.program.calls
        if compilation.program.buffers[call.output].format.layout is Layout.HWC
    ]
    assert any(padded)


@pytest.mark.parametrize("form", [DENSE, HWC, PLANES_WIDE, PLANES_HIGH], ids=lambda f: f.text)
@pytest.mark.parametrize("shape", [(1, 5, 7, 3), (2, 4, 6, 4), (1, 1, 1, 5), (1, 9)])
def test_stored_bytes_are_what_the_format_decodes(form: Format, shape: tuple[int, ...]) -> None:
    kind = TensorType(DType.INT8, shape)
    value = data.random(f"stored {shape}", shape, "int8")
    stored = stored_bytes(form, value, kind)
    assert np.array_equal(form.decode(stored, kind), value)

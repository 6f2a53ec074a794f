"""`edgegen verify --port` against a shipped image: emulated UART, pseudo-terminal, pyserial."""

from __future__ import annotations

import os
import pty
import select
import threading
import tty
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from edgegen.cli import main
from edgegen.emulate.ladder import start
from edgegen.emulate.session import Session
from edgegen.firmware.image import build_image
from edgegen.resources import find_example
from edgegen.target.board import load_board
from tests.firmware.kit import needs_gcc, project

pytestmark = needs_gcc
BOARD = "nrf52840dk"


@contextmanager
def serial_port(session: Session) -> Iterator[str]:
    """A pseudo-terminal whose other end is the emulated board's UART; yields its name."""
    board, port = pty.openpty()
    tty.setraw(port)
    done = threading.Event()

    def carry() -> None:
        while not done.is_set():
            if select.select([board], [], [], 0.005)[0]:
                session.write(os.read(board, 4096))
            if text := session.read(0.05):
                os.write(board, text)

    thread = threading.Thread(target=carry)
    thread.start()
    try:
        yield os.ttyname(port)
    finally:
        done.set()
        thread.join()
        os.close(board)
        os.close(port)


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """Four of the example's samples, with recorded outputs and labels."""
    found = find_example("keyword_spotting")
    assert found is not None
    assert found[1] is not None
    with np.load(found[1]) as samples:
        some = {name: samples[name][:4] for name in ("inputs", "outputs", "labels")}
    path = tmp_path / "four.npz"
    np.savez(path, **some)
    return path


def verify(folder: Path, inputs: Path) -> Result:
    """Builds the project, starts it in Unicorn, and runs the command."""
    found = find_example("keyword_spotting")
    assert found is not None
    board = load_board(BOARD)
    image = build_image(folder, board)
    with (
        closing(start(image.elf, board, "unicorn")) as session,
        serial_port(session) as name,
    ):
        return CliRunner().invoke(
            main, ["verify", str(found[0]), "--port", name, "--inputs", str(inputs)]
        )


def test_a_right_image_is_exact(tmp_path: Path, inputs: Path) -> None:
    project(BOARD, "cmake", tmp_path / "app", app="console")
    result = verify(tmp_path / "app", inputs)
    assert result.exit_code == 0, result.output
    text = " ".join(result.output.split())
    assert "4 inferences, 40 output bytes equal" in text
    assert "outputs equal the recorded 'outputs'" in text
    assert "by the board's clock of 64 MHz" in text


def test_a_damaged_weight_is_traced_to_its_layer(tmp_path: Path, inputs: Path) -> None:
    project(BOARD, "cmake", tmp_path / "app", app="console")
    (source,) = (tmp_path / "app").rglob("*_weights.c")
    text = source.read_text()
    at = text.index("{", text.index("/* layer 3,")) + 1
    number = text[at:].split(",")[0].strip()
    other = "0x7f" if number.startswith("0x") else str(-int(number) - 1)
    source.write_text(text[:at] + text[at:].replace(number, other, 1))
    result = verify(tmp_path / "app", inputs)
    assert result.exit_code != 0
    text = " ".join(result.output.split())
    assert "the board's self-test fails: layer 3, " in text
    assert "elements differ, the first at" in text

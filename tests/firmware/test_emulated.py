"""Whole firmware of the keyword spotter in every emulator that is here, through its UART."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edgegen.cli import main
from edgegen.emulate import rp2040js
from edgegen.resources import find_example
from edgegen.target.board import load_board
from tests.firmware.kit import needs_gcc, project

FULL = bool(os.environ.get("EDGEGEN_FULL"))
QEMU = shutil.which("qemu-system-arm")
NO_RP2040JS = rp2040js.missing(load_board("rp2040"))
RUNS = [("nrf52840dk", "unicorn"), ("mps2_an385", "qemu"), ("rp2040", "rp2040js")]
if FULL:
    RUNS += [
        ("nucleo_l4r5zi", "unicorn"),
        ("rp2040", "unicorn"),
        ("mps2_an500", "unicorn"),
        ("mps2_an505", "qemu"),
    ]

pytestmark = needs_gcc


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def need(emulator: str) -> None:
    if emulator == "qemu" and QEMU is None:
        pytest.skip("qemu-system-arm is missing")
    if emulator == "rp2040js" and NO_RP2040JS is not None:
        pytest.skip(NO_RP2040JS.what)


def keyword_spotting() -> tuple[Path, Path]:
    found = find_example("keyword_spotting")
    assert found is not None
    assert found[1] is not None
    return found[0], found[1]


@pytest.mark.parametrize(("board", "emulator"), RUNS)
def test_model_in_an_emulator(board: str, emulator: str) -> None:
    need(emulator)
    model, samples = keyword_spotting()
    inputs = ("--inputs", samples) if FULL else ()
    result = call("run", model, "--board", board, "--emulator", emulator, *inputs)
    assert result.exit_code == 0, result.output
    text = " ".join(result.output.split())
    count = 40 if FULL else 4
    assert f"{count} inferences, {count * 10} output bytes equal" in text
    assert " ok " in text
    assert "wrong" not in text
    if FULL:
        assert "accuracy 0.975 on 40 labelled inputs" in text


def test_image_of_a_pico_says_ready(tmp_path: Path) -> None:
    need("rp2040js")
    model, _ = keyword_spotting()
    folder = tmp_path / "app"
    made = call("new-project", model, "-b", "pico", "--app", "console", "-o", folder, "--build")
    assert made.exit_code == 0, made.output
    image = folder / "build/firmware.uf2"
    run = ("run", image, "-b", "pico", "--emulator", "rp2040js", "--seconds", 30)
    result = call(*run, "--send", "name%", "--until", "m-name-dut")
    assert result.exit_code == 0, result.output
    assert "m-ready" in result.output
    result = call(*run, "--until", "no such text")
    assert result.exit_code == 1
    assert "no 'no such text' within 30 s" in result.output
    assert "it waits for input" in result.output


def test_demo_prints_words_in_unicorn(tmp_path: Path) -> None:
    from edgegen.firmware.image import build_image

    board = project("nrf52840dk", "cmake", tmp_path / "app")
    image = build_image(tmp_path / "app", board)
    result = call("run", image.elf, "-b", "nrf52840dk", "--until", "done")
    assert result.exit_code == 0, result.output
    assert "sample 0: down, labelled down" in result.output
    assert "PASS: 2 of 2 outputs equal the reference" in result.output


def test_what_does_not_go_together(tmp_path: Path) -> None:
    model, _ = keyword_spotting()
    run = ("run", model, "-b", "pico", "--emulator", "unicorn")
    assert "--report is not for --emulator" in call(*run, "--report", tmp_path / "r.json").output
    assert "--emulator runs one model" in call(*run, model).output

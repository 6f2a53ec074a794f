"""The benchmark's firmware as shipped, in an emulator, with a runner made from the protocol."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edgegen.cli import main
from edgegen.emulate.ladder import start
from edgegen.emulate.unicorn_session import UnicornSession
from edgegen.firmware.image import build_image
from edgegen.firmware.project import write_project
from edgegen.pipeline import Options, compile_model
from edgegen.target.board import load_board
from tests.firmware.kit import needs_gcc
from tests.support.benchmarks import sample, stand_in, wanted
from tests.support.mlperf_runner import Runner
from tests.support.models import shared_folder

pytestmark = needs_gcc
MODELS = {
    "kws01": "kws_ref_model_int8",
    "ic01": "resnet8_int8",
    "vww01": "vww_96_int8",
    "ad01": "ad01_int8",
}
FULL = pytest.mark.skipif(not os.environ.get("EDGEGEN_FULL"), reason="EDGEGEN_FULL is not set")


@pytest.mark.parametrize(
    ("name", "board", "real"),
    [
        ("kws01", "nucleo_l4r5zi", False),
        *(pytest.param(name, "nucleo_l4r5zi", True, marks=FULL) for name in MODELS),
        pytest.param("kws01", "nrf52840dk", True, marks=FULL),
    ],
)
def test_the_runner_gets_the_references_results(
    name: str, board: str, real: bool, tmp_path: Path
) -> None:
    target = load_board(board)
    if real:
        path = shared_folder() / "models" / f"{MODELS[name]}.tflite"
        if not path.exists():
            pytest.skip(f"{path.name} is missing (set EDGEGEN_SHARED)")
        options = Options(optimize="size").within(target)
        compilation = compile_model(path.read_bytes(), "net", options.core(target), options)
    else:
        compilation = stand_in(name)
    write_project(compilation, target, "cmake", tmp_path / "app", app="mlperf")
    image = build_image(tmp_path / "app", target, werror=True)
    with closing(start(image.elf, target, "unicorn")) as session:
        runner = Runner(session, timeout_s=60)
        assert runner.until_ready()[-1] == "m-init-done"
        assert runner.model() == name
        assert target.title.split(" (")[0].replace("-", "") in runner.name().replace("-", "")
        raw, stored = sample(compilation, name, f"emulated {name}")
        runner.load(raw)
        got = runner.infer(3, 1)
    expected = wanted(compilation, name, raw, stored)
    tolerance = 0.0005 + 1e-5 * np.abs(expected)
    assert (np.abs(np.array(got.results) - expected) <= tolerance).all()
    assert len(got.results) == len(expected)
    # The modelled cycles of three inferences, at the clock that the firmware has set up.
    assert got.times[1] - got.times[0] > 30


@FULL
def test_real_keywords_through_the_uart() -> None:
    """200 inputs of the benchmark, loaded and answered over the console of the shipped image."""
    folder = shared_folder()
    model, inputs = folder / "models/kws_ref_model_int8.tflite", folder / "data/kws01_200.npz"
    if not inputs.exists():
        pytest.skip(f"{inputs.name} is missing (set EDGEGEN_SHARED)")
    call = ["run", str(model), "-b", "nucleo_l4r5zi", "--emulator", "unicorn"]
    result = CliRunner().invoke(main, [*call, "--inputs", str(inputs)])
    assert result.exit_code == 0, result.output
    assert "accuracy 0.955 on 200 labelled inputs" in " ".join(result.output.split())


@pytest.mark.parametrize("board", ["nucleo_l4r5zi", "nrf52840dk", "nucleo_f446re", "rp2040"])
def test_energy_mode_talks_at_9600_baud(board: str, tmp_path: Path) -> None:
    """The rate that the firmware has set up, by the model of the UART's divider."""
    target = load_board(board)
    write_project(stand_in("kws01"), target, "cmake", tmp_path / "app", app="mlperf-energy")
    image = build_image(tmp_path / "app", target, werror=True)
    with closing(start(image.elf, target, "unicorn")) as session:
        runner = Runner(session, energy=True)
        lines = runner.until_ready()
        assert runner.timestamp() == []
        assert isinstance(session, UnicornSession)
        assert session.baud == pytest.approx(9600, rel=0.01)
    assert lines[-2:] == ["m-timestamp-mode-energy", "m-init-done"]

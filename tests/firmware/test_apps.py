"""The applications compile without a warning: with clang, and for a Cortex-M0+ with little RAM."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgegen.firmware.app import APPS
from edgegen.firmware.image import build_image
from edgegen.firmware.project import write_project
from edgegen.pipeline import compile_model
from edgegen.target.board import load_board
from tests.firmware.kit import needs_gcc
from tests.support import host_console
from tests.support.benchmarks import stand_in
from tests.support.small import small_case


@pytest.mark.parametrize("app", APPS)
def test_clang_has_nothing_to_say(app: str, tmp_path: Path) -> None:
    if shutil.which("clang") is None:
        pytest.skip("clang is not installed")
    package = stand_in("ad01").package
    assert host_console.build(package, tmp_path, app, compiler="clang", flags=("-O2",)).is_file()


@needs_gcc
@pytest.mark.parametrize("app", APPS)
def test_the_smallest_core_takes_them(app: str, tmp_path: Path) -> None:
    board = load_board("nucleo_g071rb")
    compilation = compile_model(small_case().model_bytes(), "net", board.core)
    write_project(compilation, board, "cmake", tmp_path / "app", app=app)
    image = build_image(tmp_path / "app", board, werror=True)
    # Console, start-up code and C library; the network is of a few hundred bytes.
    assert image.flash < 16 * 1024
    assert image.ram - board.placement.stack_bytes < 2048

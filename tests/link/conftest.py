"""The demo model's console firmware, built once for the tests of a process."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgegen.pipeline import Compilation, compile_model
from edgegen.target.board import load_board
from tests.support import host_console
from tests.support.models import DEMO_MODEL


@pytest.fixture(scope="session")
def demo() -> Compilation:
    return compile_model(DEMO_MODEL.read_bytes(), "kws", load_board("nrf52840dk").core)


@pytest.fixture(scope="session")
def demo_firmware(demo: Compilation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return host_console.build(demo.package, tmp_path_factory.mktemp("demo"))

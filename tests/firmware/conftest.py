"""Fixtures of the firmware tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.platformio import make_core


@pytest.fixture(scope="session")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A core folder of PlatformIO with stand-ins for its platforms."""
    return make_core(tmp_path_factory.mktemp("platformio") / "core")

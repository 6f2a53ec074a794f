"""The emulator's tests need a cross compiler; they are skipped, by name, where there is none."""

from __future__ import annotations

import shutil

import pytest

from edgegen.emulate.toolchain import GCC


@pytest.fixture(autouse=True, scope="session")
def _cross_compiler() -> None:
    if shutil.which(GCC) is None:
        pytest.skip(f"{GCC} is missing")

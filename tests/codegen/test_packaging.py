"""The packaging files: the library builds with CMake and is a valid PlatformIO package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.codegen.test_library import written


def test_cmake_builds_it(tmp_path: Path) -> None:
    cmake = shutil.which("cmake")
    if cmake is None:
        pytest.skip("cmake is not installed")
    library = tmp_path / "kws"
    library.mkdir()
    written(library)
    (tmp_path / "main.c").write_text(
        '#include "kws.h"\nstatic kws_arena_t a;\nint main(void) { return kws_selftest(&a); }\n'
    )
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(app C)\nadd_subdirectory(kws)\n"
        "add_executable(app main.c)\ntarget_link_libraries(app kws)\n"
    )
    build = tmp_path / "build"
    subprocess.run([cmake, "-S", tmp_path, "-B", build], check=True, capture_output=True)
    subprocess.run([cmake, "--build", build], check=True, capture_output=True)
    assert subprocess.run([build / "app"], check=False).returncode == 0


def test_platformio_accepts_it(tmp_path: Path) -> None:
    pytest.importorskip("platformio", reason="platformio is not installed")
    library = tmp_path / "kws"
    library.mkdir()
    written(library)
    environment = {
        **os.environ,
        "PLATFORMIO_CORE_DIR": str(tmp_path / "core"),
        "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "No",
        "PLATFORMIO_DISABLE_UPGRADE_CHECK": "true",
    }
    archive = tmp_path / "kws.tar.gz"
    done = subprocess.run(
        [sys.executable, "-m", "platformio", "pkg", "pack", str(library), "-o", str(archive)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert archive.exists()

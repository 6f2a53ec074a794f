"""The lines of docs/projects.md that put a library into a project that is there already."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from edgegen.cli import main
from tests.firmware.test_hosted import HOSTED, build_sketch, need, run
from tests.support.models import DEMO_MODEL

PAGE = (Path(__file__).parents[2] / "docs/projects.md").read_text(encoding="utf-8")
SECTION = PAGE.split("## The library in a project of yours")[1].split("\n## ")[0]
PROGRAM = """
#include <stdio.h>
{include}

{arena}

int main(void)
{{
    int32_t differing = kws_selftest(&arena);
    {call}
    printf("%d bytes differ", (int)differing);
    return 0;
}}
"""


def lines_for(what: str) -> list[str]:
    """The code after the paragraph that begins with a word."""
    paragraphs = SECTION.strip().split("\n\n")
    at = next(i for i, text in enumerate(paragraphs) if text.startswith(what))
    code = paragraphs[at + 1].splitlines()
    assert all(line.startswith("    ") for line in code)
    return [line[4:] for line in code]


def library(folder: Path) -> Path:
    """A library called kws for a board without a memory of its own for the arena."""
    call = ["build", str(DEMO_MODEL), "-b", "nrf52840dk", "--name", "kws", "-o", str(folder)]
    done = CliRunner().invoke(main, call)
    assert done.exit_code == 0, done.output
    return folder


def program(include: str = '#include "kws.h"') -> str:
    """A program with the lines that are the same everywhere."""
    arena, call = lines_for("In any of them")
    return PROGRAM.format(include=include, arena=arena, call=call)


@pytest.mark.parametrize("language", ["C", "CXX"])
@pytest.mark.parametrize("generator", ["Unix Makefiles", "Ninja"])
def test_cmake(generator: str, language: str, tmp_path: Path) -> None:
    need("cmake", "gcc", "g++", "ninja" if generator == "Ninja" else "make")
    lines = lines_for("CMake")
    assert len(lines) <= 3
    source = f"main.{'c' if language == 'C' else 'cpp'}"
    library(tmp_path / "kws")
    (tmp_path / source).write_text(program())
    before = ("cmake_minimum_required(VERSION 3.13)", f"project(mine {language})")
    build = "\n".join((*before, f"add_executable(app {source})", *lines))
    (tmp_path / "CMakeLists.txt").write_text(build)
    run("cmake", "-G", generator, "-S", tmp_path, "-B", tmp_path / "build")
    run("cmake", "--build", tmp_path / "build")
    assert run(tmp_path / "build/app") == "0 bytes differ"


def test_zephyr(tmp_path: Path) -> None:
    need("cmake", "make", "gcc")
    lines = lines_for("Zephyr")
    assert len(lines) <= 3
    library(tmp_path / "kws")
    (tmp_path / "main.c").write_text(program())
    (tmp_path / "prj.conf").write_text("CONFIG_FPU=y\n")
    before = ("cmake_minimum_required(VERSION 3.20)", "find_package(Zephyr REQUIRED)")
    more = ("project(mine)", "target_sources(app PRIVATE main.c)")
    (tmp_path / "CMakeLists.txt").write_text("\n".join((*before, *more, *lines)))
    zephyr = f"-DZephyr_DIR={HOSTED / 'zephyr'}"
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build", zephyr)
    run("cmake", "--build", tmp_path / "build")
    assert run(tmp_path / "build/app") == "0 bytes differ"
    # The library is compiled as the kernel is.
    assert "__ZEPHYR__" in (tmp_path / "build/kws/CMakeFiles/kws.dir/flags.make").read_text()


def test_arduino(tmp_path: Path) -> None:
    need("gcc", "g++")
    (include,) = lines_for("Arduino")
    sketch = tmp_path / "examples/mine"
    files = library(tmp_path / "built")
    (sketch / "src/kws").mkdir(parents=True)
    for file in files.glob("*.[ch]"):
        file.rename(sketch / "src/kws" / file.name)
    arena, call = lines_for("In any of them")
    (sketch / "mine.ino").write_text(
        f"{include}\n{arena}\nvoid setup() {{ {call} }}\n"
        "void loop() { Serial.write(kws_selftest(&arena) == 0 ? 'y' : 'n'); }\n"
    )
    work = tmp_path / "work"
    work.mkdir()
    # The Arduino tools compile all that is below the sketch's src; the sketch's folder is searched.
    assert run(build_sketch(tmp_path, "mine", work)) == "y"

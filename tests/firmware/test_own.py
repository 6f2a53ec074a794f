"""Projects with an application of the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from edgegen.cli import main
from edgegen.errors import InputError
from edgegen.firmware.image import build_image
from edgegen.firmware.own import read_sources
from edgegen.target.board import load_board
from tests.firmware.kit import needs_gcc
from tests.support.small import small_model

MAIN = """
#include "board.h"
#include "helper.h"
#include "small.h"
static small_arena_t arena;
int main(void)
{
    board_init();
    small_run(&arena);
    board_putc(helper());
    for (;;) {
    }
}
"""


def _app(folder: Path) -> tuple[Path, Path]:
    first, second = folder / "app", folder / "shared"
    for made in (first, second):
        made.mkdir()
    (first / "main.c").write_text(MAIN)
    (second / "helper.h").write_text("char helper(void);\n")
    (second / "helper.c").write_text('#include "helper.h"\nchar helper(void) { return 65; }\n')
    (second / "notes.py").write_text("not C\n")
    return first, second


@needs_gcc
def test_its_files_are_the_projects_main_program(tmp_path: Path) -> None:
    first, second = _app(tmp_path)
    folder = tmp_path / "project"
    words = ["new-project", str(small_model(tmp_path)), "-b", "nrf52840dk", "-o", str(folder)]
    words += ["--app-sources", str(first), "--app-sources", str(second)]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    names = {p.name for p in (folder / "src").iterdir()}
    assert {"main.c", "helper.c", "helper.h", "board.c", "board.h", "startup.c"} <= names
    assert "notes.py" not in names
    assert (folder / "src/main.c").read_text() == MAIN
    image = build_image(folder, load_board("nrf52840dk"), werror=True)
    assert b"helper" in image.elf.read_bytes()


def test_an_example_brings_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    words = ["new-project", "gesture_detection", "--app", "example", "-b", "nrf52840dk"]
    done = CliRunner().invoke(main, [*words, "-o", str(folder)])
    assert done.exit_code == 0, done.output
    assert "sensor_read" in (folder / "src/main.c").read_text()
    assert (folder / "src/detector.c").is_file()
    own = str(small_model(tmp_path))
    done = CliRunner().invoke(main, ["new-project", own, "--app", "example", "-b", "nrf52840dk"])
    assert done.exit_code != 0
    assert "examples: gesture_detection, keyword_spotting, vibration_anomaly" in done.output


def test_all_problems_at_once(tmp_path: Path) -> None:
    first, second = _app(tmp_path)
    (second / "main.c").write_text("int main(void);\n")
    (second / "board.c").write_text("\n")
    with pytest.raises(InputError) as caught:
        read_sources([first, second, tmp_path / "none"])
    said = str(caught.value)
    for words in ("main.c is in both", "board.c cannot be the application's", "is not a folder"):
        assert words in said


def test_main_is_needed(tmp_path: Path) -> None:
    _, second = _app(tmp_path)
    with pytest.raises(InputError, match=r"no main\.c"):
        read_sources([second])

"""Projects: what is written, that it builds without a warning, and that it runs."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgegen.cli import main
from edgegen.emulate.image import read_image
from edgegen.errors import BoardError, InputError
from edgegen.firmware.hal import brings_loader, hal_files, require_startup
from edgegen.firmware.image import WARNINGS, build_image
from edgegen.resources import boards_dir, find_example
from edgegen.target.board import Board, load_board, parse_board
from tests.firmware.kit import boards_with_startup, needs_gcc, project

FULL = bool(os.environ.get("EDGEGEN_FULL"))
BOARDS = boards_with_startup() if FULL else ["nucleo_l4r5zi", "nrf52840dk", "rp2040"]


@needs_gcc
@pytest.mark.parametrize("name", BOARDS)
def test_a_project_builds_without_a_warning(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    board = project(name, "cmake", folder)
    image = build_image(folder, board, werror=True)
    assert image.elf.is_file()
    place = board.placement
    if board.core.isa == "arm":
        # The vectors are the image's first words, or follow the second-stage loader.
        skipped = place.code.reserved if brings_loader(board) else 0
        stack, entry = struct.unpack_from("<2I", image.bin.read_bytes(), skipped)
        assert stack == place.stack.end
        assert place.code.usable_origin < entry < place.code.end
        assert entry & 1
    assert 0 < image.flash < place.code.usable_size


@pytest.mark.parametrize("name", BOARDS)
def test_a_second_compiler_has_nothing_to_say(name: str, tmp_path: Path) -> None:
    clang = shutil.which("clang")
    headers = Path("/usr/include/newlib")
    if clang is None or not headers.is_dir():
        pytest.skip("clang, or newlib's headers at /usr/include/newlib, are not installed")
    board = load_board(name)
    if board.core.isa != "arm":
        pytest.skip("newlib's headers are for Arm")
    project(name, "cmake", tmp_path / "app")
    sources = sorted((tmp_path / "app/src").glob("*.c"))
    folders = (tmp_path / "app/src", tmp_path / "app/lib/keyword_spotting")
    done = subprocess.run(
        [
            *(clang, "--target=arm-none-eabi", *board.flags, "-std=c99", "-fsyntax-only"),
            *("-isystem", headers, *WARNINGS, "-Werror"),
            *(f"-I{folder}" for folder in folders),
            *sources,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(sources) >= 4


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["-b", "pico", "-b", "nrf52840dk"], "is for one board"),
        (["-b", "pico", "-b", "rp2040", "--kind", "platformio"], "given twice"),
        (["-b", "pico", "--labels", "yes,no"], "2 names for 10 classes"),
        (["-b", "mps2_an385", "--kind", "platformio"], "no \\[platformio\\]"),
        (["-b", "pico", "--kind", "zephyr", "--build"], "--build is for --kind cmake"),
        (["-b", "pico", "--inputs", "none.npz"], "cannot read 'none.npz'"),
        # samples.h of the demonstration would be the library's; CMake would have two targets.
        (["-b", "pico", "--name", "samples"], "the project has samples.h"),
        (["-b", "pico", "--name", "console", "--app", "console"], "the project has console.h"),
        (["-b", "pico", "--name", "board", "--kind", "platformio"], "the project has board.h"),
        (["-b", "pico", "--name", "firmware"], "a target of that name"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    options: list[str], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["new-project", "keyword_spotting", *options, "-o", "app", "--optimize", "size"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code != 0
    assert re.search(what, done.output), done.output
    assert not list(tmp_path.iterdir())


@needs_gcc
def test_the_same_twice(tmp_path: Path) -> None:
    for name in ("one", "two"):
        project("rp2040", "cmake", tmp_path / name)
    one, two = tmp_path / "one", tmp_path / "two"
    files = sorted(p.relative_to(one) for p in one.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(two) for p in two.rglob("*") if p.is_file())
    for file in files:
        text = (one / file).read_text()
        assert text == (two / file).read_text()
        assert str(tmp_path) not in text
        assert not re.search(r"/(home|root|work|tmp)/", text)


def lines_in_qemu(folder: Path, board: Board, last: str, ports_before: int = 0) -> list[str]:
    """Builds a project and returns what it prints up to a line that begins with `last`.

    The console is behind so many other serial ports of QEMU's machine.
    """
    qemu = shutil.which("qemu-system-arm")
    if qemu is None:
        pytest.skip("qemu-system-arm is not installed")
    image = build_image(folder, board, werror=True)
    command = [qemu, "-M", str(board.qemu_machine), "-display", "none", "-monitor", "none"]
    lines: list[str] = []
    with subprocess.Popen(
        [*command, *("-serial", "null") * ports_before, "-serial", "stdio", "-kernel", image.elf],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines += [line.strip()] if line.strip() else []
            if line.startswith(last) or len(lines) > 20:
                break
        process.kill()
    return lines


@needs_gcc
def test_it_prints_words_and_notices_a_wrong_byte(tmp_path: Path) -> None:
    folder = tmp_path / "app"
    board = project("mps2_an385", "cmake", folder)
    lines = lines_in_qemu(folder, board, "done")
    assert lines[1].startswith("sample 0: down, labelled down, ")
    assert lines[-2:] == ["PASS: 2 of 2 outputs equal the reference", "done"]
    samples = folder / "src/samples.c"
    outputs = samples.read_text()
    expected = outputs.index("sample_keyword_spotting_output")
    byte = re.search(r"\n +(\d+),", outputs[expected:])
    assert byte is not None
    place = expected + byte.start(1)
    other = "1" if byte[1] != "1" else "2"
    samples.write_text(outputs[:place] + other + outputs[place + len(byte[1]) :])
    lines = lines_in_qemu(folder, board, "done")
    assert lines[1].endswith("FAIL")
    assert lines[2].endswith("PASS")
    assert lines[-2:] == ["FAIL: 1 of 2 outputs equal the reference", "done"]


@needs_gcc
def test_a_clock_that_never_comes_is_given_up(tmp_path: Path) -> None:
    """QEMU's machine has no RCC: its registers read 0, as if no oscillator ever started."""
    folder = tmp_path / "app"
    command = ["new-project", "keyword_spotting", "-b", "stm32f4discovery", "--arena-in", "sram"]
    done = CliRunner().invoke(main, [*command, "--optimize", "size", "-o", str(folder)])
    assert done.exit_code == 0, done.output
    lines = lines_in_qemu(folder, load_board("stm32f4discovery"), "done", ports_before=1)
    assert lines[0].endswith("at 16 MHz")  # the clock after reset, not the 168 MHz asked for
    assert lines[-2].startswith("PASS")


@needs_gcc
def test_a_fault_is_named_on_the_console(tmp_path: Path) -> None:
    folder = tmp_path / "app"
    board = project("mps2_an385", "cmake", folder)
    (folder / "src/main.c").write_text(
        '#include "board.h"\n'
        "int main(void)\n{\n    board_init();\n"
        '    __asm__ volatile("broken: udf #0\\n\\t.global broken");\n    return 0;\n}\n'
    )
    (line,) = lines_in_qemu(folder, board, "fault")
    place = read_image(folder / "build/firmware.elf").address("broken")
    assert line == f"fault 3 at 0x{place & ~1:08x}"  # HardFault


@needs_gcc
@pytest.mark.parametrize(
    ("model", "board", "options"),
    [
        ("keyword_spotting", "mps2_an385", ["--input-rows", "--optimize", "size"]),
        ("mlp_torchscript.onnx", "mps2_an500", ["--dtype", "float32"]),
        ("keyword_spotting", "mps2_an500", ["--kernels-in-ram", "--optimize", "size"]),
    ],
)
def test_models_of_other_forms(model: str, board: str, options: list[str], tmp_path: Path) -> None:
    if model.endswith(".onnx"):
        pytest.importorskip("onnx", reason="onnx is not installed")
        model = str(Path(__file__).parents[1] / "networks" / model)
    folder = tmp_path / "app"
    command = ["new-project", model, "-b", board, *options, "-o", str(folder)]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    lines = lines_in_qemu(folder, load_board(board), "done")
    assert lines[-2].startswith("PASS")


def test_nothing_of_the_users_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "app"
    project("rp2040", "cmake", folder)
    (folder / "src/main.c").write_text("mine")
    with pytest.raises(InputError, match="is yours, so none is written over"):
        project("rp2040", "cmake", folder)
    assert (folder / "src/main.c").read_text() == "mine"


def test_the_command_that_is_shown_may_be_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["new-project", "keyword_spotting", "-b", "pico", "--optimize", "size"]
    done = CliRunner().invoke(main, [*command, "-o", "my [bold] app"])
    assert done.exit_code == 0, done.output
    assert "build it: cd 'my [bold] app' && cmake" in done.output
    again = CliRunner().invoke(main, ["new-project", "keyword_sptting", "-b", "pico"])
    assert "no example of that name" in again.output
    assert "examples: gesture_detection, keyword_spotting" in again.output


@pytest.mark.parametrize("kind", ["cmake", "platformio", "arduino", "zephyr"])
def test_the_readme_makes_the_library_anew(kind: str, tmp_path: Path) -> None:
    """Its command gives the project's library, for a board whose arena has a section, too."""
    folder = tmp_path / "app"
    project("stm32f4discovery", kind, folder)
    readme = (folder / "README.md").read_text()
    command = re.search(r"edgegen (build MODEL --board .*?)(?:`|$)", readme, re.M)
    assert command is not None
    found = find_example("keyword_spotting")
    assert found is not None
    model = tmp_path / "another_name.tflite"
    model.write_bytes(found[0].read_bytes())
    words = command[1].replace("MODEL", str(model)).split()
    words[words.index("-o") + 1] = str(tmp_path / "anew")
    done = CliRunner().invoke(main, [*words, "--optimize", "size"])
    assert done.exit_code == 0, done.output
    for file in (tmp_path / "anew").glob("*.[ch]"):
        (old,) = folder.rglob(file.name)
        assert old.read_text() == file.read_text()
    # Only where start-up code is the project's own are faults reported.
    assert ("fault N at" in readme) == (kind in ("cmake", "platformio"))


def test_a_board_without_a_console_says_so() -> None:
    text = (boards_dir() / "rp2040.toml").read_text()
    bare = re.sub(r"\[console\].*?\n\n", "", text, flags=re.S)
    with pytest.raises(BoardError, match=r"lacks \[console\]"):
        require_startup(parse_board(bare, "mine.toml"))


def test_samples_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    text = (boards_dir() / "rp2040.toml").read_text().replace("size = 0x20_0000", "size = 0x8000")
    (tmp_path / "mine.toml").write_text(text)
    command = ["new-project", "keyword_spotting", "-b", str(tmp_path / "mine.toml")]
    options = ["--optimize", "size", "--samples", "40", "-o", str(tmp_path / "app")]
    done = CliRunner().invoke(main, [*command, *options])
    assert done.exit_code == 1
    assert "40 samples of 20,000 bytes together are too many" in done.output
    assert not (tmp_path / "app").exists()


def test_a_clock_that_the_family_cannot_have_is_refused(tmp_path: Path) -> None:
    text = (boards_dir() / "rp2040.toml").read_text().replace("refdiv = 1, ", "")
    (tmp_path / "mine.toml").write_text(text)
    board = load_board(tmp_path / "mine.toml")
    with pytest.raises(BoardError, match="refdiv"):
        hal_files(board)

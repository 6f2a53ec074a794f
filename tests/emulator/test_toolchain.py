"""The compiler wrapper, the firmware templates under two compilers, and the files it reads."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from edgegen.emulate.firmware import build_runner
from edgegen.emulate.image import read_image
from edgegen.emulate.sizes import object_sizes, parse_map
from edgegen.emulate.toolchain import build_elf, find_gcc, read_stack_usage
from edgegen.errors import InputError, InternalError, ToolError
from edgegen.target.board import Board, load_board
from edgegen.target.cores import CORES
from tests.emulator.kit import arm_boards, from_c, two_layers

if TYPE_CHECKING:
    from pathlib import Path

CLANG = shutil.which("clang-19") or shutil.which("clang")


def test_missing_compiler_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="sudo apt install gcc-arm-none-eabi"):
        find_gcc()


def test_errors_of_every_file_are_listed(tmp_path: Path) -> None:
    one, two = tmp_path / "one.c", tmp_path / "two.c"
    one.write_text("int main(void) { return absent; }\n", encoding="utf-8")
    two.write_text("void f(void) { int unused; }\n", encoding="utf-8")
    with pytest.raises(ToolError) as caught:
        build_elf([one, two], load_board("rp2040"), workdir=tmp_path / "build")
    assert [problem.what for problem in caught.value.problems] == [
        "compiling one.c failed",
        "compiling two.c failed",
    ]
    assert "'absent' undeclared" in caught.value.problems[0].why
    assert "unused variable" in caught.value.problems[1].why


def test_image_that_does_not_fit_is_an_error(tmp_path: Path) -> None:
    body = """
extern const int8_t huge[3000000];
const int8_t huge[3000000] = {1};
void toy_run(toy_arena_t *arena)
{
    arena->bytes[16] = huge[arena->bytes[0]];
}
"""
    with pytest.raises(ToolError, match=r"linking firmware\.elf failed") as caught:
        build_runner([from_c(tmp_path, body)], load_board("rp2040"), workdir=tmp_path / "build")
    assert "flash" in str(caught.value)


def test_data_that_reaches_the_stack_is_an_error(tmp_path: Path) -> None:
    source = tmp_path / "main.c"
    text = "static volatile char big[BYTES]; int main(void) { return big[0]; }\n"
    source.write_text(text, encoding="utf-8")
    board = load_board("rp2040")
    room = board.placement.data.size - board.placement.stack_bytes
    build_elf([source], board, workdir=tmp_path / "a", defines=[f"BYTES={room}"])
    with pytest.raises(ToolError, match="overlaps"):
        build_elf([source], board, workdir=tmp_path / "b", defines=[f"BYTES={room + 4}"])


def test_stack_usage_is_read_back(tmp_path: Path) -> None:
    board, build = load_board("rp2040"), tmp_path / "build"
    build_runner([two_layers(tmp_path)], board, workdir=build, stack_usage=True)
    frames = {use.function: use for use in read_stack_usage(build)}
    assert {"main", "toy_run", "toy_layer_00_scale"} <= frames.keys()
    assert all(use.frame_bytes < 100 for use in frames.values())


@pytest.mark.skipif(CLANG is None, reason="clang is missing")
@pytest.mark.parametrize("board", arm_boards(), ids=lambda board: board.name)
def test_firmware_is_clean_under_clang(board: Board, tmp_path: Path) -> None:
    build = tmp_path / "build"
    build_runner([two_layers(tmp_path)], board, workdir=build, optimize="-Os")
    for name in ("startup.c", "runner_main.c"):
        command = [
            *(str(CLANG), "--target=arm-none-eabi", *board.flags, "-std=c99", "-fsyntax-only"),
            *("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Werror"),
            *("-ffreestanding", f"-I{build}", f"-I{tmp_path}", str(build / name)),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_firmware_text_has_no_path_and_repeats(tmp_path: Path) -> None:
    board = load_board("nucleo_l4r5zi")
    texts = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        build_runner([two_layers(folder)], board, workdir=folder / "build")
        names = ("startup.c", "runner_main.c", "linker.ld", "semihost.h")
        texts.append([(folder / "build" / name).read_text(encoding="utf-8") for name in names])
    assert texts[0] == texts[1]


def test_core_flags() -> None:
    assert CORES["m4"].flags("fpv4-sp-d16") == (
        "-mcpu=cortex-m4",
        "-mthumb",
        "-mfpu=fpv4-sp-d16",
        "-mfloat-abi=hard",
    )
    with pytest.raises(InternalError, match="never built with"):
        CORES["m0+"].flags("fpv5-d16")
    for core in (core for core in CORES.values() if core.isa == "arm"):
        for fpu in core.fpus:
            command = [find_gcc(), *core.flags(fpu), "-E", "-x", "c", "/dev/null"]
            assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_image_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_image(tmp_path / "none.elf")
    text = tmp_path / "text.elf"
    text.write_text("not an ELF file at all", encoding="utf-8")
    with pytest.raises(InputError, match="is not an ELF file"):
        read_image(text)
    with pytest.raises(InputError, match="cannot be read"):
        object_sizes(text)


def test_clones_of_a_function_are_found(tmp_path: Path) -> None:
    body = """
__attribute__((noinline)) static int8_t toy_layer_00(const int8_t *bytes, int count)
{
    int sum = 0;
    for (int i = 0; i < count; ++i) {
        sum += bytes[i];
    }
    return (int8_t)sum;
}
void toy_run(toy_arena_t *arena)
{
    arena->bytes[16] = toy_layer_00(arena->bytes, 4);
    arena->bytes[17] = toy_layer_00(arena->bytes + 1, 4);
}
"""
    elf = build_runner(
        [from_c(tmp_path, body)], load_board("nrf52840dk"), workdir=tmp_path / "build"
    )
    image = read_image(elf)
    names = [symbol.name for symbol in image.symbols if symbol.name.startswith("toy_layer_00")]
    assert names != ["toy_layer_00"], "this compiler does not make the clone"
    assert image.function_at(image.address("toy_layer_00") + 2) == names[0]


def test_equal_layers_stay_apart(tmp_path: Path) -> None:
    layer = """
__attribute__((noinline)) static void toy_layer_{0}(toy_arena_t *arena)
{{
    for (int i = 0; i < 8; ++i) {{
        arena->bytes[i] = (int8_t)(arena->bytes[i] + 3);
    }}
}}
"""
    run = "void toy_run(toy_arena_t *arena) { toy_layer_00(arena); toy_layer_01(arena); }\n"
    library = from_c(tmp_path, layer.format("00") + layer.format("01") + run)
    elf = build_runner([library], load_board("nrf52840dk"), workdir=tmp_path / "build")
    image = read_image(elf)
    assert image.address("toy_layer_00") != image.address("toy_layer_01")


def test_map_is_read_with_long_and_short_names() -> None:
    text = """
Linker script and memory map

.text           0x08000040      0x44c
 *(.text .text.*)
 .text.short    0x08000040       0x10 build/0/kws.o
 .text.a_rather_long_function_name
                0x08000050       0x20 build/0/kws.o
                0x08000050                a_rather_long_function_name
 *fill*         0x08000070        0x2
 .text          0x08000072        0x8 /usr/lib/libc_nano.a(lib_a-memcpy.o)
.debug_line     0x00000000      0x100
 .debug_line    0x00000000      0x100 build/0/kws.o
"""
    assert [(size.name, size.section, size.bytes) for size in parse_map(text)] == [
        ("kws", ".text", 0x30),
        ("libc_nano", ".text", 8),
    ]

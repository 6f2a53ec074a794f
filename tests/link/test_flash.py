"""`edgegen flash`: a drive folder in place of a boot loader's, a script in place of pyOCD."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edgegen.cli import main
from edgegen.errors import EdgegenError, LinkError
from edgegen.link.flash import plan_flash
from edgegen.link.pyocd import target_name
from edgegen.link.uf2_drive import find_drive
from edgegen.target.board import list_boards, load_board

# pyOCD 0.46, board/board_ids.py: the targets of boards that name themselves to it.
PYOCD_BOARDS = {
    "nucleo_f103rb": "stm32f103rb",
    "nucleo_f401re": "stm32f401retx",
    "nucleo_g071rb": "stm32g071rbtx",
    "nucleo_f072rb": "stm32f072rbtx",
    "nucleo_f303re": "stm32f303retx",
    "nucleo_f091rc": "stm32f091rctx",
    "disco_l475vg_iot01a": "stm32l475xg",
    "nucleo_l476rg": "stm32l476rgtx",
    "nucleo_l4r5zi": "stm32l4r5zitx",
    "nucleo_f446re": "stm32f446retx",
    "disco_f746ng": "stm32f746nghx",
    "stm32f4discovery": "stm32f407vgtx",
    "nucleo_f207zg": "stm32f207zgtx",
    "nucleo_wb55rg": "stm32wb55rgvx",
    "nucleo_g474re": "stm32g474retx",
    "nucleo_l552ze_q": "stm32l552zetxq",
    "nucleo_h563zi": "stm32h563zitx",
    "nucleo_u575zi_q": "stm32u575zitx",
    "b_u585i_iot02a": "stm32u585aiix",
    "nrf52dk": "nrf52",
    "nrf52840dk": "nrf52840",
    # The same parts under the names of the targets that need no pack: `pyocd list --targets`.
    "nucleo_h743zi": "stm32h743xx",
    "nucleo_f767zi": "stm32f767zi",
    "rp2040": "rp2040",
    "pico2": "rp2350",
}


@pytest.mark.parametrize("board", PYOCD_BOARDS)
def test_the_target_is_what_pyocd_calls_it(board: str) -> None:
    assert target_name(load_board(board)) == PYOCD_BOARDS[board]


def test_every_shipped_board_has_a_way() -> None:
    """A target for pyOCD, and a drive wherever the boot loader takes UF2 files."""
    for board in list_boards():
        assert board.soc is not None, board.name
        if board.soc.family not in ("mps2", "virt"):
            assert re.fullmatch(r"(stm32|nrf5|rp2)[a-z0-9_]+", target_name(board)), board.name
        assert bool(board.soc.uf2_drive) == (board.soc.uf2_family is not None), board.name


def uf2_blocks(count: int = 3, family: int = 0xE48BFF56) -> bytes:
    head = struct.Struct("<8I476sI")
    blocks = []
    for i in range(count):
        place = (0x10000000 + 256 * i, 256, i, count, family)
        payload = bytes([i]) * 256
        blocks.append(head.pack(0x0A324655, 0x9E5D5157, 0x2000, *place, payload, 0x0AB16F30))
    return b"".join(blocks)


def drive(folder: Path, board_id: str = "RPI-RP2") -> Path:
    folder.mkdir(parents=True)
    (folder / "INFO_UF2.TXT").write_text(
        f"UF2 Bootloader v3.0\r\nModel: Some Board\r\nBoard-ID: {board_id}\r\n"
    )
    return folder


def image(folder: Path, name: str = "firmware.uf2", content: bytes | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(uf2_blocks() if content is None else content)
    return path


def flash(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["flash", *map(str, arguments)])


def test_a_uf2_file_is_copied_to_the_drive(tmp_path: Path) -> None:
    source, place = image(tmp_path / "p"), drive(tmp_path / "RPI-RP2")
    result = flash(source, "--board", "pico", "--drive", place)
    assert result.exit_code == 0, result.output
    assert (place / "firmware.uf2").read_bytes() == source.read_bytes()
    assert result.output.strip() == f"$ cp {source} {place}/firmware.uf2"


def test_a_dry_run_only_shows(tmp_path: Path) -> None:
    source, place = image(tmp_path / "p"), drive(tmp_path / "RPI-RP2")
    result = flash(source, "--board", "pico", "--drive", place, "--dry-run")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("$ cp ")
    assert not (place / "firmware.uf2").exists()


def test_the_drive_is_found_among_others(tmp_path: Path) -> None:
    source = image(tmp_path / "p" / "build")
    drive(tmp_path / "media" / "XIAO", "nRF52840-SeeedXiaoSense-v1")
    (tmp_path / "media" / "photos").mkdir()
    place = drive(tmp_path / "media" / "RPI-RP2")
    roots = [tmp_path / "absent", tmp_path / "media"]
    for board, wanted, family in (
        ("pico", place, 0xE48BFF56),
        ("xiao_ble_sense", tmp_path / "media" / "XIAO", 0xADA52840),
    ):
        source.write_bytes(uf2_blocks(family=family))
        plan_flash(tmp_path / "p", load_board(board), roots=roots).perform()
        assert (wanted / "firmware.uf2").read_bytes() == uf2_blocks(family=family)
        source.write_bytes(uf2_blocks(family=1))
        with pytest.raises(EdgegenError, match="is for UF2 family 0x1, "):
            plan_flash(tmp_path / "p", load_board(board), roots=roots)
    source.write_bytes(uf2_blocks(family=0xE48BFF59))
    with pytest.raises(LinkError) as error:
        plan_flash(tmp_path / "p", load_board("pico2"), roots=roots)
    source.write_bytes(uf2_blocks())
    assert "hold BOOTSEL" in str(error.value)
    assert "(RPI-RP2)" in str(error.value)
    with pytest.raises(LinkError) as error:
        plan_flash(tmp_path / "p", load_board("pico"), roots=[tmp_path / "absent"])
    assert f"none is mounted in {tmp_path / 'absent'}" in str(error.value)
    drive(tmp_path / "media" / "RPI-RP21")
    with pytest.raises(LinkError, match="2 boot loaders"):
        plan_flash(tmp_path / "p", load_board("pico"), roots=roots)


def test_a_drive_with_several_names_is_one(tmp_path: Path) -> None:
    place = drive(tmp_path / "media" / "RPI-RP2")
    (tmp_path / "run").symlink_to(tmp_path / "media")
    roots = [tmp_path / "media", tmp_path / "run", place, tmp_path / "none"]
    assert find_drive(load_board("pico"), roots).path == place


@pytest.mark.parametrize(
    "content", [b"", uf2_blocks()[:-1], uf2_blocks()[512:], b"\x7fELF" + bytes(508)]
)
def test_what_is_no_uf2_file_is_not_copied(tmp_path: Path, content: bytes) -> None:
    place = drive(tmp_path / "RPI-RP2")
    result = flash(image(tmp_path / "p", content=content), "-b", "pico", "--drive", place)
    assert result.exit_code != 0
    assert "no complete UF2 file" in result.output
    assert sorted(p.name for p in place.iterdir()) == ["INFO_UF2.TXT"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.uf2", "-b", "pico", "--drive", "."], "has no INFO_UF2.TXT"),
        (["x.uf2", "-b", "pico", "--drive", "XIAO"], "is of 'nRF52840-SeeedXiaoSense-v1', not"),
        (["nothing.uf2", "-b", "pico"], "there is no"),
        ([".", "-b", "pico"], "build it first"),
        (["x.elf", "-b", "pico", "--drive", "RPI-RP2"], "is no .uf2 file"),
        (["x.uf2", "-b", "nucleo_l4r5zi", "--via", "uf2"], "no boot loader with a drive"),
        (["x.elf", "-b", "mps2_an385"], "exists in emulators only"),
    ],
)
def test_errors_say_what_to_do(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    image(tmp_path, "x.uf2")
    image(tmp_path / "y", "x.elf").rename(tmp_path / "x.elf")
    (tmp_path / "x.uf2").rename(tmp_path / "z.uf2")
    arguments = ["z.uf2" if a == "x.uf2" else a for a in arguments]
    drive(tmp_path / "RPI-RP2")
    drive(tmp_path / "XIAO", "nRF52840-SeeedXiaoSense-v1")
    result = flash(*arguments)
    assert result.exit_code != 0
    assert message in " ".join(result.output.split())


@pytest.fixture
def pyocd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script that keeps its arguments and ends with the code in the file `code`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "pyocd"
    script.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\nexit $(cat {tmp_path}/code)\n'
    )
    script.chmod(0o755)
    (tmp_path / "code").write_text("0")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return script


def test_pyocd_gets_target_and_image(tmp_path: Path, pyocd: Path) -> None:
    elf = image(tmp_path / "p" / ".pio" / "build" / "nucleo_l4r5zi", "firmware.elf")
    result = flash(tmp_path / "p", "-b", "nucleo_l4r5zi")
    assert result.exit_code == 0, result.output
    assert result.output.strip() == f"$ {pyocd} flash --no-wait --target stm32l4r5zitx {elf}"
    assert (tmp_path / "arguments").read_text().split() == [
        "flash", "--no-wait", "--target", "stm32l4r5zitx", str(elf),
    ]  # fmt: skip


def test_a_raw_image_goes_behind_the_boot_loader(tmp_path: Path, pyocd: Path) -> None:
    binary = image(tmp_path, "firmware.bin")
    result = flash(binary, "-b", "xiao_ble_sense", "--via", "pyocd", "--dry-run")
    wanted = f"$ {pyocd} flash --no-wait --target nrf52840 --base-address 0x27000 {binary}"
    assert result.output.strip() == wanted
    assert not (tmp_path / "arguments").exists()


def test_a_raw_image_of_a_pico_begins_with_the_loader(tmp_path: Path, pyocd: Path) -> None:
    assert pyocd.is_file()
    binary = image(tmp_path, "firmware.bin")
    result = flash(binary, "-b", "pico", "--via", "pyocd", "--dry-run")
    assert "--base-address 0x10000000 " in result.output


@pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed"
)
@pytest.mark.parametrize(
    ("address", "board", "refused"),
    [
        (0x0, "nrf52840dk", False),
        (0x0, "nucleo_l4r5zi", True),  # flash is at 0x08000000
        (0x0, "nano33ble", True),  # Arduino's boot loader is there
        (0x10000, "nano33ble", False),
        (0x10000000, "pico", False),  # the second-stage loader is the image's own
        (0x10000000, "nrf52840dk", True),
    ],
)
def test_an_image_of_another_board_is_refused(
    address: int, board: str, refused: bool, tmp_path: Path, pyocd: Path
) -> None:
    assert pyocd.is_file()
    elf, script = tmp_path / "firmware.elf", tmp_path / "script.ld"
    (tmp_path / "data.c").write_text("const int data[16] = {1};")
    script.write_text(f"SECTIONS {{ .rodata {address:#x} : {{ *(.rodata*) }} }}")
    command = ["arm-none-eabi-gcc", "-nostdlib", "-T", script, tmp_path / "data.c", "-o", elf]
    subprocess.run([str(word) for word in command], check=True)
    result = flash(elf, "-b", board, "--via", "pyocd", "--dry-run")
    assert (result.exit_code != 0) == refused, result.output
    assert ("was it built for another board?" in result.output) == refused


def test_pyocds_failure_is_reported(tmp_path: Path, pyocd: Path) -> None:
    assert pyocd.is_file()
    (tmp_path / "code").write_text("3")
    result = flash(image(tmp_path, "firmware.elf"), "-b", "nucleo_f446re")
    assert result.exit_code != 0
    assert "pyOCD ended with code 3" in result.output
    assert "pyocd pack install stm32f446retx" in result.output


def test_without_pyocd_the_hint_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(EdgegenError, match="pyOCD is missing"):
        plan_flash(image(tmp_path, "firmware.elf"), load_board("nrf52840dk"))

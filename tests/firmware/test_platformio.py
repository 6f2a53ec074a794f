"""Projects for PlatformIO, built by PlatformIO itself; its platforms are stand-ins (support)."""

from __future__ import annotations

import json
import os
import struct
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

from edgegen.errors import BoardError
from edgegen.firmware.platformio import board_manifest
from edgegen.firmware.project import write_projects
from edgegen.target.board import Board, list_boards, load_board
from tests.firmware.kit import project, targets
from tests.firmware.test_cmake import CONSTRUCTED, MAIN
from tests.support.platformio import missing, pio

FULL = bool(os.environ.get("EDGEGEN_FULL"))
EVERY = [b.name for b in list_boards() if b.platformio and b.soc]
BOARDS = EVERY if FULL else ["nucleo_l4r5zi", "nrf52840dk", "rp2040", "pico2"]

needs_platformio = pytest.mark.skipif(missing() is not None, reason=str(missing()))


def wrong(text: str) -> list[str]:
    return [line for line in text.splitlines() if "warning:" in line.lower()]


@needs_platformio
def test_one_project_for_several_boards(core: Path, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    samples, found = targets(BOARDS)
    write_projects(found, "platformio", folder, app="demo", samples=samples)
    done = pio(core, ["run"], folder, "-Werror")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not wrong(done.stdout + done.stderr)
    for name in BOARDS:
        build = folder / ".pio/build" / name
        soc = load_board(name).soc
        assert soc is not None
        assert (build / "firmware.elf").is_file()
        uf2 = build / "firmware.uf2"
        assert uf2.is_file() == (soc.uf2_family is not None)
        if soc.uf2_family is not None:
            magic, _, flags, *_, family = struct.unpack("<8I", uf2.read_bytes()[:32])
            assert (magic, flags, family) == (0x0A324655, 0x2000, soc.uf2_family)
    pytest.importorskip("unicorn", reason="unicorn is not installed")
    board = load_board("nucleo_l4r5zi")
    printed = printed_by(folder / ".pio/build/nucleo_l4r5zi/firmware.elf", board)
    assert f"{board.title} at 120 MHz" in printed
    assert "PASS: 2 of 2 outputs equal the reference" in printed


def printed_by(image: Path, board: Board) -> str:
    """What firmware says in Unicorn until it is done."""
    from edgegen.emulate.ladder import start

    printed = b""
    with closing(start(image, board, "unicorn")) as session:
        while b"done" not in printed:
            more = session.read(20.0)
            if not more:
                break
            printed += more
    return printed.decode()


@needs_platformio
@pytest.mark.parametrize("app", ["console", "mlperf"] if FULL else ["console"])
def test_a_project_for_one_board(app: str, core: Path, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    project("nucleo_f446re", "platformio", folder, app=app)
    done = pio(core, ["run"], folder, "-Werror")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not wrong(done.stdout + done.stderr)


@needs_platformio
@pytest.mark.parametrize("name", ["nucleo_f446re", "nrf52840dk"])
def test_cpp_and_printf_may_be_added(name: str, core: Path, tmp_path: Path) -> None:
    pytest.importorskip("unicorn", reason="unicorn is not installed")
    folder = tmp_path / "app"
    board = project(name, "platformio", folder)
    (folder / "src/main.c").write_text(MAIN)
    (folder / "src/answer.cpp").write_text(CONSTRUCTED)
    done = pio(core, ["run"], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "constructed: 42" in printed_by(folder / f".pio/build/{name}/firmware.elf", board)


@needs_platformio
def test_pio_test_runs_the_self_test_as_the_readme_says(core: Path, tmp_path: Path) -> None:
    pytest.importorskip("unicorn", reason="unicorn is not installed")
    folder = tmp_path / "app"
    project("stm32f4discovery", "platformio", folder)
    readme = (folder / "README.md").read_text()
    settings = readme.split("with a file `local.ini`:\n\n")[1].split("\n\nand")[0]
    # The command of this environment, which need not be on PATH.
    command = "\n        ".join((sys.executable, "-m", "edgegen.cli"))
    assert "        edgegen\n" in settings
    (folder / "local.ini").write_text(
        textwrap.dedent(settings.replace("        edgegen\n", f"        {command}\n"))
    )
    done = pio(core, ["test", "--without-uploading"], folder, "-Werror")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS keyword_spotting" in done.stdout
    assert "1 test cases: 1 succeeded" in done.stdout


def test_a_board_that_platformio_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="platformio"):
        project("mps2_an385", "platformio", tmp_path / "app")


@pytest.mark.parametrize("name", [b.name for b in list_boards() if b.platformio])
def test_manifests_are_what_the_platforms_read(name: str, core: Path) -> None:
    board = load_board(name)
    pio = board.platformio
    assert pio is not None
    known = core / "platforms" / pio.platform / "boards" / f"{pio.board}.json"
    assert known.is_file() == (pio.manifest is None)
    if pio.manifest is not None:
        fields = json.loads(board_manifest(board, pio.manifest))
        assert {"name", "url", "vendor"} <= fields.keys()  # else PlatformIO's core refuses it
        assert fields["build"]["variant"]  # Nordic's builder asks for it
        assert fields["upload"]["protocol"] in {"mbed", "jlink"}
        if "jlink" in fields["upload"]["protocols"]:
            assert fields["debug"]["jlink_device"]


def test_the_stand_ins_are_needed_for_all_platforms_of_the_boards() -> None:
    from tests.support.platformio import PLATFORMS

    assert {b.platformio.platform for b in list_boards() if b.platformio} == set(PLATFORMS)

"""The README's way from an empty folder to a running Pico, as it is written there."""

from __future__ import annotations

import re
import shlex
import struct
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgegen.cli import main
from edgegen.link import uf2_drive
from tests.firmware.kit import needs_gcc

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[list[str]]:
    section = README.split("## A Pico that knows words, in three commands")[1].split("\n## ")[0]
    block = re.search(r"\n\n((?:    .*\n)+)", section)
    assert block is not None
    return [shlex.split(line) for line in block[1].splitlines()]


def test_there_are_three_and_the_first_installs_this_package() -> None:
    name = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["name"]
    assert commands()[0] == ["pip", "install", name]
    assert len(commands()) == 3
    assert all(command[0] == "edgegen" for command in commands()[1:])


@needs_gcc
def test_they_put_a_bootable_image_on_the_picos_drive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive = tmp_path / "media/RPI-RP2"
    drive.mkdir(parents=True)
    (drive / "INFO_UF2.TXT").write_text(
        "UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n"
    )
    monkeypatch.setattr(uf2_drive, "_places", lambda: [tmp_path / "media"])
    work = tmp_path / "empty"
    work.mkdir()
    monkeypatch.chdir(work)
    for command in commands()[1:]:
        done = CliRunner().invoke(main, command[1:])
        assert done.exit_code == 0, done.output
    (image,) = (path for path in drive.iterdir() if path.suffix == ".uf2")
    blocks = image.read_bytes()
    assert len(blocks) % 512 == 0
    # The first block: the second-stage loader, at the start of the flash.
    head = struct.unpack_from("<8I", blocks)
    assert head[2:5] == (0x2000, 0x10000000, 256)
    assert head[7] == 0xE48BFF56
    # The second: stack pointer in RAM, reset vector in flash.
    stack, entry = struct.unpack_from("<2I", blocks, 512 + 32)
    assert 0x20000000 < stack <= 0x20042000
    assert 0x10000100 < entry < 0x10200000

"""The README's way from an empty folder to a running Pico, as it is written there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgegen.cli import main
from edgegen.link import uf2_drive
from tests.firmware.kit import needs_gcc

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def typed() -> str:
    """The commands as the README has them."""
    section = README.split("## A Pico that knows words, in three commands")[1].split("\n## ")[0]
    block = re.search(r"\n\n((?:    .*\n)+)", section)
    assert block is not None
    return "".join(line.strip() + "\n" for line in block[1].splitlines())


def commands() -> list[list[str]]:
    return [shlex.split(line) for line in typed().splitlines()]


def make_drive(media: Path) -> Path:
    """What a Pico in its boot loader looks like where drives are mounted."""
    drive = media / "RPI-RP2"
    drive.mkdir(parents=True)
    (drive / "INFO_UF2.TXT").write_text(
        "UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n"
    )
    return drive


def test_there_are_three_and_the_first_installs_this_package() -> None:
    name = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["name"]
    assert commands()[0] == ["pip", "install", name]
    assert len(commands()) == 3
    assert all(command[0] == "edgegen" for command in commands()[1:])


@needs_gcc
def test_they_put_a_bootable_image_on_the_picos_drive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive = make_drive(tmp_path / "media")
    monkeypatch.setattr(uf2_drive, "_places", lambda: [tmp_path / "media"])
    work = tmp_path / "empty"
    work.mkdir()
    monkeypatch.chdir(work)
    for command in commands()[1:]:
        done = CliRunner().invoke(main, command[1:])
        assert done.exit_code == 0, done.output
    check_image(drive)


def check_image(drive: Path) -> None:
    """The drive holds one image that the boot ROM would start."""
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


@needs_gcc
@pytest.mark.skipif(not os.environ.get("EDGEGEN_FULL"), reason="takes long: EDGEGEN_FULL=1")
def test_they_work_as_they_are_typed(tmp_path: Path) -> None:
    """In a shell, in a new environment, where pip finds edgegen in a folder.

    The drive is mounted where the system mounts drives, in a mount namespace of the test's own.
    """
    for folder in ("dist", "empty", "media"):
        (tmp_path / folder).mkdir()
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", tmp_path / "dist", ROOT], check=True)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    drive = make_drive(tmp_path / "media")
    mount = f"mount --bind {shlex.quote(str(tmp_path / 'media'))} /media"
    own = ["unshare", "--map-root-user", "--mount", "sh", "-ec"]
    if not shutil.which("unshare") or subprocess.run([*own, mount], check=False).returncode:
        pytest.skip("no mount namespace can be made here (unshare)")
    environment = {
        **{k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")},
        "PATH": f"{tmp_path / 'venv/bin'}{os.pathsep}{os.environ['PATH']}",
        "PIP_FIND_LINKS": str(tmp_path / "dist"),
    }
    done = subprocess.run(
        [*own, f"{mount}\n{typed()}"],
        cwd=tmp_path / "empty",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    check_image(drive)

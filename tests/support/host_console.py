"""The console application as a program of this computer, behind a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edgegen.codegen.package import Package
from edgegen.codegen.render import render_library
from edgegen.firmware.app import app_defines, render_app
from edgegen.verify.host import WARNINGS, find_compiler

HERE = Path(__file__).parent
BOARD = "Host board"


def build(
    package: Package,
    folder: Path,
    app: str = "console",
    *,
    change: Callable[[dict[str, str]], None] = lambda _files: None,
    flags: Sequence[str] = ("-O1",),
    compiler: str | None = None,
) -> Path:
    """Compiles library, application and the board of this computer.

    Args:
        package: the network.
        folder: where to.
        app: which application.
        change: alters the sources before they are compiled, to see faults found.
        flags: options of the compiler.
        compiler: which one; the default one when None.
    """
    files = {**render_library(package), **render_app(package, app, board=BOARD)}
    for name in ("board.h", "host_board.c"):
        files[name] = (HERE / name).read_text()
    change(files)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    sources = sorted(n for n in files if n.endswith(".c"))
    defines = [f"-D{name}" for name in app_defines(package, app)]
    command = [find_compiler(compiler), *WARNINGS, *flags, *defines, "-o", "firmware", *sources]
    done = subprocess.run(
        [*command, "-lm"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr[:3000]
    return folder / "firmware"


def answer(program: Path, commands: str) -> str:
    """What the program says to commands from a pipe, until the input ends."""
    done = subprocess.run(
        [program], input=commands.encode(), capture_output=True, check=True, timeout=60
    )
    return done.stdout.decode()


@contextmanager
def terminal(program: Path) -> Iterator[str]:
    """Runs the program on a pseudo-terminal in place of a serial port; yields the port's name.

    The program has started and is ready then, however busy this computer is.
    """
    board, port = pty.openpty()
    # As on a wire: nothing is echoed or translated.
    tty.setraw(port)
    tty.setraw(board)
    process = subprocess.Popen([program], stdin=board, stdout=board)
    os.close(board)
    try:
        said = b""
        while not said.endswith(b"m-ready\r\n"):
            assert select.select([port], [], [], 30)[0], said
            said += os.read(port, 4096)
        yield os.ttyname(port)
    finally:
        process.kill()
        process.wait()
        os.close(port)

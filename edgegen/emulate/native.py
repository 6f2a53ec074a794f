"""Builds the emulator's hooks with the host's compiler, once for each version of their source."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import unicorn.unicorn_py3.unicorn as binding

_FLAGS: Final = ("-O2", "-shared", "-fPIC")


def unicorn_library() -> ctypes.CDLL | None:
    """The engine inside the `unicorn` wheel, or None if the binding hides it."""
    library = getattr(binding, "uclib", None)
    return library if isinstance(library, ctypes.CDLL) else None


@functools.cache
def load_block_counter() -> ctypes.CDLL | None:
    """Returns the compiled counter, or None if this host cannot compile or load it."""
    return _load("block_counter")


@functools.cache
def load_flash_model() -> ctypes.CDLL | None:
    """Returns the compiled model of flash, or None if this host cannot compile or load it."""
    return _load("flash_model")


@functools.cache
def load_access_log() -> ctypes.CDLL | None:
    """Returns the compiled log of accesses, or None if this host cannot compile or load it."""
    return _load("access_log")


def _load(stem: str) -> ctypes.CDLL | None:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or sys.platform == "win32":
        return None
    source = Path(__file__).with_name(f"{stem}.c")
    machine = f"{sys.platform} {platform.machine()} {' '.join(_FLAGS)}".encode()
    name = f"{stem}-{hashlib.sha256(machine + source.read_bytes()).hexdigest()[:24]}.so"
    try:
        library = _cache_dir() / name
        if not library.exists():
            _compile(compiler, source, library)
        return ctypes.CDLL(str(library))
    except (OSError, subprocess.CalledProcessError):
        return None


def _cache_dir() -> Path:
    """A folder only this user can write, for a library that this process will execute."""
    base = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(base) if base else Path.home() / ".cache") / "edgegen"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = folder.stat()
        if state.st_uid == os.getuid() and not state.st_mode & 0o022 and os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError):
        pass
    return Path(tempfile.mkdtemp(prefix="edgegen-"))


def _compile(compiler: str, source: Path, library: Path) -> None:
    # Written beside its place and renamed: another process sees all of it or nothing.
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        built = Path(folder) / library.name
        subprocess.run(
            [compiler, *_FLAGS, str(source), "-o", str(built)], check=True, capture_output=True
        )
        built.replace(library)

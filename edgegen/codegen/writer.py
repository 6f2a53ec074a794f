"""Writes an output folder, or single files, whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from edgegen.errors import InputError, Problem

MARKER = "report.json"
"""A folder that holds this file was written by edgegen and may be replaced."""


def write_folder(target: Path, files: Mapping[str, str]) -> None:
    """Creates or replaces `target` with exactly `files`, text by relative path.

    The folder is built beside its place and renamed, so that it is never seen half written.

    Raises:
        InputError: `target` exists and was not written by edgegen, or cannot be written.
    """
    # Symbolic links are followed: the folder that the user means is replaced, not the link.
    target = target.resolve()
    if target.exists() and not (target / MARKER).is_file() and not _is_empty(target):
        raise InputError(
            Problem(
                f"{target.name!r} exists and was not written by edgegen",
                hint="choose another folder with -o, or remove it",
            )
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".edgegen-", dir=target.parent) as scratch:
            fresh = Path(scratch) / "new"
            for name, text in files.items():
                path = fresh / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8", newline="\n")
            _swap(fresh, target, Path(scratch) / "old")
    except OSError as error:
        raise InputError(
            Problem(f"cannot write {target.name!r}", why=str(error.strerror or error))
        ) from error


def write_files(files: Mapping[Path, bytes]) -> None:
    """Writes single files, each whole or not at all, replacing what was there.

    Raises:
        InputError: one cannot be written.
    """
    for path, content in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".edgegen-", dir=path.parent) as scratch:
                fresh = Path(scratch) / "new"
                fresh.write_bytes(content)
                fresh.replace(path)
        except OSError as error:
            raise InputError(
                Problem(f"cannot write {path.name!r}", why=str(error.strerror or error))
            ) from error


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _swap(fresh: Path, target: Path, old: Path) -> None:
    """Puts `fresh` at `target`; what was there goes to `old`, and back if the second step fails."""
    if target.exists():
        target.replace(old)
    try:
        fresh.replace(target)
    except OSError:
        if old.exists():
            shutil.move(old, target)
        raise

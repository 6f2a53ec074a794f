"""An application of the user's own in a firmware project: C files over `board.h`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from edgegen.errors import InputError, Problem

APP: Final = "own"
"""What `Project.app` says of it."""

_MAIN: Final = "main.c"
_SUFFIXES: Final = (".c", ".h")
_PROJECT_FILES: Final = frozenset({"board.c", "board.h", "startup.c", "boot2.c", "image_def.c"})
"""Files that the project itself brings, for some board."""


def read_sources(folders: Sequence[Path]) -> dict[str, str]:
    """The C files and headers in folders, text by name; one is to be main.c.

    Raises:
        InputError: a folder cannot be read, two files have one name, a name is the project's own,
            or there is no main.c; says all of it.
    """
    found: dict[str, Path] = {}
    problems = []
    for folder in folders:
        if not folder.is_dir():
            problems.append(Problem(f"{str(folder)!r} is not a folder"))
            continue
        for path in sorted(p for p in folder.iterdir() if p.suffix in _SUFFIXES and p.is_file()):
            other = found.setdefault(path.name, path)
            if other != path:
                problems.append(Problem(f"{path.name} is in both {other.parent} and {folder}"))
            if path.name in _PROJECT_FILES:
                hint = "the project brings its own: give yours another name"
                problems.append(Problem(f"{path.name} cannot be the application's", hint=hint))
    if not problems and _MAIN not in found:
        where = ", ".join(map(str, folders))
        problems.append(
            Problem(f"no {_MAIN} in {where}", hint="the application's main() goes there")
        )
    texts = {}
    for name, path in found.items():
        try:
            texts[name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem(f"cannot read {str(path)!r}", why=str(error)))
    if problems:
        raise InputError(problems)
    return texts

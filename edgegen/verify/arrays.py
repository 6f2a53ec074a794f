"""Reads arrays of inferences from files: .npz, .npy, or a folder of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgegen.errors import InputError, Problem
from edgegen.ir.types import Array

SOLE = "inputs"
"""The name of an array that has none, from a .npy file."""


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays of a file by name; the first dimension counts inferences.

    An .npz has names of its own; a .npy is one array, `inputs`. A folder holds one inference a
    file, in the order of the files' names; the arrays of all files are stacked.

    Raises:
        InputError: nothing there can be read, or a folder's files differ.
    """
    if not path.is_dir():
        return _read_file(path)
    files = sorted(p for p in path.iterdir() if p.suffix in (".npy", ".npz"))
    if not files:
        raise InputError(
            Problem(f"folder {path.name!r} has no .npy or .npz file", hint="one inference a file")
        )
    return _stacked(path, [(p.name, _read_file(p)) for p in files])


def _read_file(path: Path) -> dict[str, Array]:
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {SOLE: loaded}
            with loaded as archive:
                return {name: archive[name] for name in archive.files}
    except Exception as error:
        # numpy, zipfile and zlib trust the file and raise whatever they stumble over in a damaged
        # one, down to errors of Python's tokeniser, which numpy reads headers with.
        why = str(error) or type(error).__name__
        raise InputError(Problem(f"cannot read {path.name!r} as .npz or .npy", why=why)) from error


def _stacked(path: Path, found: list[tuple[str, Mapping[str, Array]]]) -> dict[str, Array]:
    first_name, first = found[0]
    kinds = {n: (a.dtype, a.shape) for n, a in first.items()}
    problems = [
        Problem(
            f"{path.name}/{name} holds other arrays than {first_name}",
            why=f"{_describe(arrays)} instead of {_describe(first)}",
        )
        for name, arrays in found
        if {n: (a.dtype, a.shape) for n, a in arrays.items()} != kinds
    ]
    if problems:
        raise InputError(problems)
    return {n: np.stack([arrays[n] for _, arrays in found]) for n in first}


def _describe(arrays: Mapping[str, Array]) -> str:
    return ", ".join(f"{n} {a.dtype}{list(a.shape)}" for n, a in arrays.items())

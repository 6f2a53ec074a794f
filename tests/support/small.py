"""A small model that every test can build without any file outside the repository."""

from __future__ import annotations

from pathlib import Path

from tests.support.cases import Case, load_cases


def small_case() -> Case:
    """A convolution of the operator cases."""
    return next(c for c in load_cases("conv2d") if not c.error)


def small_model(folder: Path, name: str = "small.tflite") -> Path:
    """Writes its model file."""
    path = folder / name
    path.write_bytes(small_case().model_bytes())
    return path

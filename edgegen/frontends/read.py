"""Reads a model file of any supported format; the content says which."""

from __future__ import annotations

from pathlib import Path

from edgegen.errors import ModelFormatError, Problem
from edgegen.frontends import onnx, tflite
from edgegen.frontends.onnx import OnnxOptions
from edgegen.ir.raw import RawGraph


def read_raw(blob: bytes, options: OnnxOptions | None = None) -> RawGraph:
    """The model in neutral form.

    Args:
        blob: the file's bytes.
        options: shapes and layouts for ONNX models; a .tflite file has them fixed.

    Raises:
        ModelFormatError: the file is damaged or of an unknown format.
        UnsupportedError: it uses what edgegen does not support.
    """
    if tflite.is_tflite(blob):
        if options is not None and options != OnnxOptions():
            raise ModelFormatError(
                Problem("shapes and layouts of a .tflite file are fixed", hint="leave the options")
            )
        return tflite.read(blob)
    if onnx.is_onnx(blob):
        return onnx.read(blob, options)
    raise ModelFormatError(
        Problem(
            "the file is neither TFLite nor ONNX",
            why="a .tflite file has the identifier TFL3, an .onnx file begins with byte 8",
            hint="is the file complete and not compressed?",
        )
    )


def embedded(blob: bytes, folder: Path) -> bytes:
    """The file with data that it keeps in other files of its folder (ONNX external data)."""
    if tflite.is_tflite(blob) or not onnx.is_onnx(blob):
        return blob
    return onnx.embed(blob, folder)

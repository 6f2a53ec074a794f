"""The front end as a whole: from a file's bytes to a `RawGraph`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgegen.errors import EdgegenError, ModelFormatError, Problem
from edgegen.frontends.onnx import fuse, load, quantised
from edgegen.frontends.onnx.functions import expanded
from edgegen.frontends.onnx.lower import lower
from edgegen.frontends.onnx.model import Shape
from edgegen.frontends.onnx.settle import settle
from edgegen.ir.raw import RawGraph

LAYOUTS = ("model", "nhwc")


@dataclass(frozen=True)
class OnnxOptions:
    """What a user can ask of reading.

    Attributes:
        shapes: shapes of graph inputs, by name.
        input_layout: `model` or `nhwc` (channels last), for graph inputs with images.
        output_layout: the same for graph outputs.
    """

    shapes: Mapping[str, Shape] = field(default_factory=dict)
    input_layout: str = "model"
    output_layout: str = "model"


def is_onnx(blob: bytes) -> bool:
    """Whether `blob` looks like an ONNX file: its first field is the version of the format."""
    return blob[:1] == b"\x08"


def read(blob: bytes, options: OnnxOptions | None = None) -> RawGraph:
    """Parses an .onnx file without external data.

    Raises:
        ModelFormatError: the file is damaged.
        UnsupportedError: it uses what edgegen does not support.
        ToolError: the package `onnx` is missing.
    """
    options = options or OnnxOptions()
    message = load.parse(blob)
    try:
        model = settle(expanded(load.checked(message)), options.shapes)
        model = quantised.activations(fuse.fuse(quantised.constants(model)))
        return lower(model, options.input_layout, options.output_layout)
    except EdgegenError:
        raise
    except (
        ArithmeticError,
        LookupError,
        MemoryError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        # The checker and inference accept some attributes and inputs that make no sense together:
        # whatever the stages stumble over is the file's fault.
        raise ModelFormatError(
            Problem(
                "the model contradicts itself",
                why=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}",
            )
        ) from error
